package metrics

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/emf"
)

func text(data []Datum) string {
	var lines []string
	for _, d := range data {
		var dimensions []string
		for _, x := range d.Dimensions {
			dimensions = append(dimensions, *x.Name+"="+*x.Value)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %v %s %d", d.Namespace, *d.MetricName, d.Unit, d.Values,
			strings.Join(dimensions, ","), d.Timestamp.UnixMilli()))
	}
	return strings.Join(lines, "\n")
}

// What the data plane emits is what CloudWatch is told.
func TestParseOwnMetrics(t *testing.T) {
	var out bytes.Buffer
	e := &emf.Emitter{Stack: "local", Out: &out, Now: func() time.Time { return time.UnixMilli(1234) }}
	e.Emit("trips", emf.Values{contract.RecordsIn: 3, contract.ChunkSeconds: 0.5}, map[string]string{"load": "L"})
	data, err := Parse(out.Bytes())
	want := "dip ChunkSeconds Seconds [0.5] stack=local,segment=trips 1234\n" +
		"dip RecordsIn Count [3] stack=local,segment=trips 1234"
	if got := text(data); got != want || err != nil {
		t.Errorf("got\n%s\n%v\nwant\n%s", got, err, want)
	}
}

func TestParse(t *testing.T) {
	const frame = `{"_aws":{"Timestamp":7,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":%s,"Metrics":%s}]},` +
		`"d":"x","e":"y","a":1,"b":[1,2.5],"c":null}`
	for name, c := range map[string]struct{ line, want, problem string }{
		"plain text":       {line: "panic: \"_aws\""},
		"a log line":       {line: `{"level":"INFO","msg":"work acknowledged"}`},
		"a log about _aws": {line: `{"msg":"the \"_aws\" member"}`},
		"two sets": {
			line: fmt.Sprintf(frame, `[["d"],["d","e"]]`, `[{"Name":"a"}]`),
			want: "n a  [1] d=x 7\nn a  [1] d=x,e=y 7",
		},
		"an array":     {line: fmt.Sprintf(frame, `[[]]`, `[{"Name":"b","Unit":"Count"}]`), want: "n b Count [1 2.5]  7"},
		"no dimension": {line: fmt.Sprintf(frame, `[["z"]]`, `[{"Name":"a"}]`), problem: "dimension z"},
		"null, and a good one": {
			line: fmt.Sprintf(frame, `[["d"]]`, `[{"Name":"c"},{"Name":"a"}]`),
			want: "n a  [1] d=x 7", problem: "metric c is null",
		},
		"no such member": {line: fmt.Sprintf(frame, `[["d"]]`, `[{"Name":"z"}]`), problem: "metric z"},
		"no namespace": {
			line:    strings.Replace(fmt.Sprintf(frame, `[["d"]]`, `[{"Name":"a"}]`), `"n"`, `""`, 1),
			problem: "want a namespace",
		},
	} {
		data, err := Parse([]byte(c.line))
		if got := text(data); got != c.want {
			t.Errorf("%s: got %s", name, got)
		}
		if (err != nil) != (c.problem != "") || (err != nil && !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
