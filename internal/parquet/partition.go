package parquet

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dip/internal/record"
)

// NullPartition is the value that Hive gives to rows without one: nulls and empty texts.
const NullPartition = "__HIVE_DEFAULT_PARTITION__"

// maxPathBytes is the length of a path element at most. An S3 key has room for 1,024 bytes.
const maxPathBytes = 512

// Transform turns a field's value into a partition's value.
type Transform uint8

// The transforms. Identity is for text, integers, booleans and dates; the others are for dates and timestamps.
const (
	Identity Transform = iota
	Day                // 2024-01-31
	Month              // 2024-01
	Year               // 2024
)

var transformNames = [...]string{"identity", "day", "month", "year"}

func (t Transform) String() string {
	if int(t) < len(transformNames) {
		return transformNames[t]
	}
	return fmt.Sprintf("transform(%d)", uint8(t))
}

// MarshalText gives the transform's name.
func (t Transform) MarshalText() ([]byte, error) {
	if int(t) >= len(transformNames) {
		return nil, fmt.Errorf("unknown partition %s", t)
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads a transform's name.
func (t *Transform) UnmarshalText(text []byte) error {
	i := slices.Index(transformNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown partition transform %q, want one of %s", text, strings.Join(transformNames[:], ", "))
	}
	*t = Transform(i)
	return nil
}

// Partition says by which field, and how, rows are divided.
type Partition struct {
	Field     string
	Transform Transform
}

// Column is the name of the partition column: the field itself for Identity, otherwise <field>_day, _month or _year.
func (p Partition) Column() string {
	if p.Transform == Identity {
		return p.Field
	}
	return p.Field + "_" + p.Transform.String()
}

// Check returns an error if the columns cannot be partitioned this way.
func (p Partition) Check(types []record.Type) error {
	_, err := p.find(types)
	return err
}

// find returns the index of the field's column.
func (p Partition) find(types []record.Type) (int, error) {
	i := slices.IndexFunc(types, func(t record.Type) bool { return t.Name == p.Field })
	if i < 0 {
		return 0, fmt.Errorf("partition by %s: no such field", p.Field)
	}
	allowed := []record.Kind{record.Date, record.Timestamp}
	if p.Transform == Identity {
		allowed = []record.Kind{record.String, record.Int64, record.Bool, record.Date}
	} else if p.Transform > Year {
		return 0, fmt.Errorf("partition by %s: unknown %s", p.Field, p.Transform)
	}
	if !slices.Contains(allowed, types[i].Kind) {
		return 0, fmt.Errorf("partition by %s of %s: the field is a %s, want one of %v", p.Transform, p.Field, types[i].Kind,
			allowed)
	}
	return i, nil
}

// path is the Hive path element for a value.
func (p Partition) path(value string) string {
	switch {
	case value == "":
		value = NullPartition
	case value == NullPartition || strings.EqualFold(value, "null"): // texts that readers would take for null
		value = fmt.Sprintf("%%%02X%s", value[0], value[1:])
	default:
		value = hiveEscape(value)
	}
	return hiveEscape(p.Column()) + "=" + value
}

// hiveEscape writes the characters that Hive keeps out of path elements as % and two upper-case hexadecimal digits.
func hiveEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == 0x7f || strings.IndexByte(`"#%'*/:=?\{[]^`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

const (
	secondsPerDay = 86_400
	microsPerDay  = secondsPerDay * 1_000_000
)

// router finds the output of each row.
type router struct {
	spec    Partition
	kind    record.Kind
	column  int
	outputs map[string]int32 // by text, or by the 8 bytes of an integer, a boolean (0, 1) or a day
	null    int32            // output of nulls, -1 while unknown
	open    func(path string) (int32, error)
}

func newRouter(spec Partition, types []record.Type, open func(path string) (int32, error)) (*router, error) {
	column, err := spec.find(types)
	if err != nil {
		return nil, err
	}
	return &router{spec: spec, kind: types[column].Kind, column: column, open: open, outputs: map[string]int32{},
		null: -1}, nil
}

// route appends the output of each row of a run.
func (t *router) route(out []int32, r *run) ([]int32, error) {
	var err error
	var last []byte // key of the value before
	current := int32(-1)
	value := 0
	var word [8]byte
	for _, p := range r.present {
		if p == 0 {
			if t.null < 0 {
				if t.null, err = t.open(t.spec.path("")); err != nil {
					return nil, err
				}
			}
			out = append(out, t.null)
			continue
		}
		key := t.key(r, value, word[:])
		value++
		if current < 0 || string(key) != string(last) {
			if current, err = t.find(key); err != nil {
				return nil, err
			}
			last = append(last[:0], key...)
		}
		out = append(out, current)
	}
	return out, nil
}

// key identifies dense value i; it may use word's 8 bytes.
func (t *router) key(r *run, i int, word []byte) []byte {
	n := int64(0)
	switch t.kind {
	case record.String:
		start := r.start
		if i > 0 {
			start = r.ends[i-1]
		}
		return r.bytes[start:r.ends[i]]
	case record.Bool:
		if r.bools[i] {
			n = 1
		}
	case record.Timestamp:
		n = r.ints[i] / microsPerDay
		if r.ints[i]%microsPerDay < 0 {
			n--
		}
	default:
		n = r.ints[i]
	}
	binary.LittleEndian.PutUint64(word, uint64(n))
	return word
}

func (t *router) find(key []byte) (int32, error) {
	o, ok := t.outputs[string(key)]
	if ok {
		return o, nil
	}
	o, err := t.open(t.spec.path(t.value(key)))
	if err == nil {
		t.outputs[string(key)] = o
	}
	return o, err
}

// value is the partition value of a key.
func (t *router) value(key []byte) string {
	if t.kind == record.String {
		return string(key)
	}
	n := int64(binary.LittleEndian.Uint64(key))
	switch t.kind {
	case record.Bool:
		return strconv.FormatBool(n == 1)
	case record.Int64:
		return strconv.FormatInt(n, 10)
	}
	year, month, day := time.Unix(n*secondsPerDay, 0).UTC().Date()
	switch t.spec.Transform {
	case Year:
		return fmt.Sprintf("%04d", year)
	case Month:
		return fmt.Sprintf("%04d-%02d", year, month)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	}
}
