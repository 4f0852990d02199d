package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// limits are the smallest and the largest value of a number or duration, as written in the tag limits of its field: the
// rules and the schema both read them there. The tag zero says what 0 means where it is allowed as well.
//
// Sources of those that AWS sets: the developer guides of Lambda (quotas; SQS event sources), SQS (quotas; dead-letter
// queues; visibility timeout: a message may be in flight for 12 hours), S3 (archive tiers; objects of up to 50 TB), VPC
// (subnet sizing), EC2 (a spot instance is taken two minutes after its notice) and CloudWatch Logs
// (PutRetentionPolicy), November 2026.
type limits struct {
	min, max, zero string
}

// limitsOf are the limits of a field; ok is false when it has none.
func limitsOf(f reflect.StructField) (l limits, ok bool) {
	text, ok := f.Tag.Lookup("limits")
	l.min, l.max, _ = strings.Cut(text, "..")
	l.zero = f.Tag.Get("zero")
	return l, ok
}

func (l limits) hold(v reflect.Value) bool {
	return v.IsZero() && l.zero != "" || limit(v.Type(), l.min) <= number(v) && number(v) <= limit(v.Type(), l.max)
}

func (l limits) String() string {
	text := l.min + " to " + l.max
	if l.zero != "" {
		text += ", or 0 for " + l.zero
	}
	return text
}

// limit parses a limit of a field of a type. An invalid one is a bug in this package, which any test finds.
func limit(t reflect.Type, text string) float64 {
	var d Duration
	n, err := strconv.ParseFloat(text, 64)
	if t == reflect.TypeOf(d) {
		err = d.UnmarshalText([]byte(text))
		n = float64(d)
	}
	if err != nil {
		panic(fmt.Sprintf("config: a limit of a %s: %v", t, err))
	}
	return n
}

func number(v reflect.Value) float64 {
	if v.CanFloat() {
		return v.Float()
	}
	return float64(v.Int())
}

// reasons say more about some limits, by the path of the setting.
var reasons = map[string]string{
	"network.availabilityZones": fmt.Sprintf("regions with at least %d that EKS can use: %s",
		MinZones, strings.Join(slices.Sorted(maps.Keys(RegionsWithZones)), ", ")),
	"cluster.workers.maxUnavailablePercent": "a disruption budget of less than 1 % can never be satisfied, " +
		"and no node could be drained",
}

// eachLimit visits every value below v that has limits, with its path.
func eachLimit(path string, v reflect.Value, visit func(path string, l limits, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f, at := v.Type().Field(i), path
			if only := f.Tag.Get(arrivalTag); only != "" && only != v.FieldByName("Arrival").String() {
				continue
			}
			if !f.Anonymous {
				if f.Tag.Get("json") == "" {
					continue
				}
				at = below(path, f.Tag.Get("json"))
			}
			if l, ok := limitsOf(f); ok {
				visit(at, l, v.Field(i))
			} else {
				eachLimit(at, v.Field(i), visit)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachLimit(below(path, key.String()), v.MapIndex(key), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachLimit(fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
		}
	}
}

// platformSettings apply only in a stack with a cluster.
var platformSettings = []string{"network", "cluster", "nodeGroups"}

// validateLimits reports every value that is outside its limits. The rules that follow skip those.
func (s *Stack) validateLimits(found *problems) {
	found.limits("", *s, func(path string) bool {
		part, _, _ := strings.Cut(path, ".")
		return s.Cluster.Enabled || !slices.Contains(platformSettings, part)
	})
}

// CheckLimits reports every value that is outside its limits among settings of a part of the stack, such as a Function.
// path stands before their names.
func CheckLimits(path string, part any) error {
	return check(path, part, func(*problems) {})
}

// check applies the limits of settings and then rules, which skip values outside their limits.
func check(path string, settings any, rules func(*problems)) error {
	found := newProblems()
	found.limits(path, settings, func(string) bool { return true })
	rules(found)
	return found.err()
}

// limits adds the values of settings that are outside their limits, if their path counts.
func (p *problems) limits(path string, settings any, counts func(path string) bool) {
	eachLimit(path, reflect.ValueOf(settings), func(path string, l limits, v reflect.Value) {
		if l.hold(v) || !counts(path) {
			return
		}
		want := l.String()
		if why := reasons[path]; why != "" {
			want += "; " + why
		}
		p.misreadAt(path, "%v: want %s", v.Interface(), want)
	})
}
