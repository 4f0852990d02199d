package parquet

import "encoding/binary"

// Field types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI32    = 5
	thriftI64    = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thriftWriter appends structs in Thrift's compact protocol to buf. Fields must come in ascending order of their id,
// each at most 15 above the one before: the format's structs need no more.
type thriftWriter struct {
	buf  []byte
	last int   // id of the field written last in the open struct
	open []int // last of the structs around it
}

func (t *thriftWriter) field(id, kind int) {
	t.buf = append(t.buf, byte((id-t.last)<<4|kind))
	t.last = id
}

func (t *thriftWriter) i32(id int, v int32) {
	t.field(id, thriftI32)
	t.buf = binary.AppendVarint(t.buf, int64(v))
}

func (t *thriftWriter) i64(id int, v int64) {
	t.field(id, thriftI64)
	t.buf = binary.AppendVarint(t.buf, v)
}

func (t *thriftWriter) bool(id int, v bool) {
	if v {
		t.field(id, thriftTrue)
	} else {
		t.field(id, thriftFalse)
	}
}

func (t *thriftWriter) bytes(id int, v []byte) {
	t.field(id, thriftBinary)
	t.buf = binary.AppendUvarint(t.buf, uint64(len(v)))
	t.buf = append(t.buf, v...)
}

func (t *thriftWriter) string(id int, v string) {
	t.field(id, thriftBinary)
	t.stringElem(v)
}

// list announces n elements of a kind; the elements follow.
func (t *thriftWriter) list(id, kind, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.buf = append(t.buf, byte(n<<4|kind))
		return
	}
	t.buf = append(t.buf, byte(0xf0|kind))
	t.buf = binary.AppendUvarint(t.buf, uint64(n))
}

func (t *thriftWriter) i32Elem(v int32) { t.buf = binary.AppendVarint(t.buf, int64(v)) }

func (t *thriftWriter) stringElem(v string) {
	t.buf = binary.AppendUvarint(t.buf, uint64(len(v)))
	t.buf = append(t.buf, v...)
}

// begin opens a struct in a field, beginElem one in a list; end closes either, and the outermost struct.
func (t *thriftWriter) begin(id int) {
	t.field(id, thriftStruct)
	t.beginElem()
}

func (t *thriftWriter) beginElem() {
	t.open = append(t.open, t.last)
	t.last = 0
}

func (t *thriftWriter) end() {
	t.buf = append(t.buf, 0)
	t.last = 0
	if n := len(t.open); n > 0 {
		t.last = t.open[n-1]
		t.open = t.open[:n-1]
	}
}

// empty writes a struct without fields, as the members of the format's unions are.
func (t *thriftWriter) empty(id int) {
	t.begin(id)
	t.end()
}
