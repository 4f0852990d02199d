package preview

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"dip/config"
)

var update = flag.Bool("update", false, "write the golden files")

// read is a document of Pulumi 3.220's engine, cut down to the resources and properties that matter here.
func read(t *testing.T, name string) Document {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Comments of an update, of a change of names that replaces what holds data, and of settings that are wrong.
func TestMarkdown(t *testing.T) {
	for _, name := range []string{"update", "replace", "error"} {
		got := Markdown(Summarize(read(t, name), "local", config.ListPrices()))
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "it is empty",
		"Previewing update (dev)":   "invalid character 'P'",
		`{"steps": [`:               "unexpected EOF",
		`[]`:                        "cannot unmarshal array",
		`{}`:                        "no steps and no diagnostics",
		`{"a": 1}`:                  "no steps and no diagnostics",
		`{"steps": []} warning: x`:  "text follows the document",
		`{"steps": 3}`:              "cannot unmarshal number",
		`{"steps": [{"urn": "x"}]}`: `step 0: "x" is not the URN of a resource`,
		`{"sequence":0,"preludeEvent":{}}` + "\n" + `{"sequence":1}`: "without PULUMI_ENABLE_STREAMING_JSON_PREVIEW",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A preview without changes says so, and has no cost unless unchanged resources are listed.
func TestNothingChanges(t *testing.T) {
	d := Document{
		Steps:   []Step{step("same", "aws:kms/key:Key", "lake-key", nil, nil)},
		Summary: map[string]int{"same": 158},
	}
	s := Summarize(d, "dev", config.ListPrices())
	if text := Markdown(s); !strings.Contains(text, "No changes: 158 resources.") || s.Cost != nil {
		t.Errorf("%s\n%+v", text, s.Cost)
	}
	d.Summary["same"] = 1
	if c := Summarize(d, "dev", config.ListPrices()).Cost; c == nil || c.After != config.ListPrices().KeyMonth {
		t.Errorf("all resources are listed, and the cost is %+v", c)
	}
}

const anURN = "urn:pulumi:dev::dip::dip:x:X$%s::%s"

// step is an operation on a resource with these inputs before and after; nil: none.
func step(op, kind, name string, before, after map[string]any) Step {
	s := Step{Op: op, URN: fmt.Sprintf(anURN, kind, name)}
	if op != "create" {
		s.Old = &State{Type: kind, Inputs: before}
	}
	if op != "delete" {
		s.New = &State{Type: kind, Inputs: after}
	}
	return s
}

// The steps of one replacement are one change, and a delete is graver than what comes before it.
func TestStepsOfOneResource(t *testing.T) {
	d := Document{Steps: []Step{
		step("create-replacement", "aws:s3/bucketV2:BucketV2", "lake", nil, nil),
		step("replace", "aws:s3/bucketV2:BucketV2", "lake", nil, nil),
		step("delete-replaced", "aws:s3/bucketV2:BucketV2", "lake", nil, nil),
		step("refresh", "aws:sqs/queue:Queue", "quiet", nil, nil), step("update", stackType, "dip-dev", nil, nil),
		step("read", "aws:sqs/queue:Queue", "other", nil, nil),
		step("update", "aws:sqs/queue:Queue", "q", nil, nil), step("delete", "aws:sqs/queue:Queue", "q", nil, nil),
	}}
	s := Summarize(d, "dev", config.ListPrices())
	if s.Counts[Replace] != 1 || s.Counts[Delete] != 1 || len(s.Changes) != 2 || len(s.Data) != 2 {
		t.Errorf("%+v", s)
	}
	if s.Data[0].Name != "lake" {
		t.Errorf("%s comes before the bucket", s.Data[0].Name)
	}
}

// What is retained is not lost: it stays behind, and is said apart.
func TestRetained(t *testing.T) {
	gone, anew := step("delete", "aws:s3/bucketV2:BucketV2", "a", nil, nil),
		step("replace", "aws:s3/bucketV2:BucketV2", "b", nil, nil)
	gone.Old.Retain, anew.Old.Retain = true, true
	s := Summarize(Document{Steps: []Step{gone, anew}}, "dev", config.ListPrices())
	if s.Counts[Forget] != 1 || s.Counts[Delete] != 0 || len(s.Data) != 1 || !strings.Contains(s.Data[0].Lost, "stays") {
		t.Errorf("%+v", s)
	}
	if text := Markdown(s); !strings.Contains(text, "#### No longer managed, and kept") {
		t.Error(text)
	}
}

// Thousands of changes with long values fit into one comment, which keeps what is lost.
func TestCommentFits(t *testing.T) {
	d := Document{}
	for i := range 3000 {
		after := map[string]any{}
		name := fmt.Sprintf("function-%d-%s", i, strings.Repeat("ä", 60))
		s := step("update", "aws:lambda/function:Function", name, nil, after)
		s.Diff = map[string]Diff{}
		for p := range 20 {
			path := fmt.Sprintf("property%d", p)
			s.Diff[path], after[path] = Diff{Kind: "update"}, fmt.Sprint(i, strings.Repeat("|`", 20))
		}
		d.Steps = append(d.Steps, s)
	}
	d.Steps = append(d.Steps, step("delete", "aws:kms/key:Key", "lake-key", nil, nil))
	for i := range 500 {
		message := fmt.Sprint(i, strings.Repeat("x", 5000))
		d.Diagnostics = append(d.Diagnostics, Diagnostic{Severity: "warning", Message: message})
	}
	text := Markdown(Summarize(d, "dev", config.ListPrices()))
	if n := utf8.RuneCountInString(text); n > MaxComment || n < MaxComment/20 {
		t.Errorf("%d characters", n)
	}
	for _, want := range []string{"`lake-key`", "1 to delete", "3000 to update", " more: see the log of the preview."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Names, values and messages are shown as they are: none of them ends its cell, its code or its block.
func TestNothingIsMarkdown(t *testing.T) {
	s := step("update", "aws:sqs/queue:Queue", "a|b`c``", map[string]any{"name": "x\ny"}, map[string]any{"name": "`@all|"})
	s.Diff = map[string]Diff{"name": {Kind: "update", InputDiff: true}}
	d := Document{Steps: []Step{s}, Diagnostics: []Diagnostic{{Severity: "warning", Message: "```\n@all"}}}
	text := Markdown(Summarize(d, "dev", config.ListPrices()))
	for _, want := range []string{
		"| `sqs Queue` ``` a\\|b`c`` ``` | `name` (long) → `` `@all\\| `` |", "````\n```\n@all\n````",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
