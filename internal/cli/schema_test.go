package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/internal/compat"
	"dip/internal/infer"
)

func TestSchemaInfer(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := file("good.csv", "a;b\n1;007\n2;12\n"), file("bad.csv", "a,b\n1,2\n3\n4\n5\n6\n7\n8\n")

	code, stdout, stderr := run(t, "schema", "infer", good)
	if code != ExitOK ||
		!strings.Contains(stdout, `{"name": "a", "type": "integer", "constraints": {"required": true}}`) ||
		!strings.Contains(stderr, "all 2 records fit") || !strings.Contains(stderr, "b: stays a text: values such as 007") ||
		!strings.Contains(stderr, `the delimiter is ";"`) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}

	out := filepath.Join(dir, "schema.json")
	code, nothing, stderr := run(t, "schema", "infer", good, "--out", out)
	if text, err := os.ReadFile(out); code != ExitOK || err != nil || string(text) != stdout || nothing != "" {
		t.Errorf("exit %d, %v: %s%s\n%s", code, err, text, nothing, stderr)
	}

	code, stdout, stderr = run(t, "schema", "infer", bad, "--json")
	var r infer.Result
	if err := json.Unmarshal([]byte(stdout), &r); code != ExitSchema || err != nil || r.Records != 7 || r.Fit != 1 ||
		len(r.Misfits) != 5 || strings.Count(stdout, "\n") != 1 {
		t.Errorf("exit %d, %v: %+v\n%s", code, err, r, stdout)
	}
	if !strings.Contains(stderr, "of 7 records, 6 cannot fit any schema:\n  bytes 8 to 10: ") ||
		!strings.Contains(stderr, "\n  and 1 more") {
		t.Error(stderr)
	}

	if code, _, stderr := run(t, "schema", "infer", filepath.Join(dir, "gone")); code != ExitNotFound {
		t.Errorf("exit %d: %s", code, stderr)
	}
	code, stdout, stderr = run(t, "schema", "infer", file("tabs", "1\t2\n"), "--delimiter", `\t`, "--no-header")
	if code != ExitOK || !strings.Contains(stdout, `"column_2", "type": "integer"`) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

func TestSchemaCheck(t *testing.T) {
	dir := t.TempDir()
	file := func(name, field string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(`{"fields":[{"name":"a",`+field+`}]}`), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	date, titled, anyDate := file("1", `"type":"date"`), file("2", `"type":"date","title":"t"`),
		file("3", `"type":"date","format":"any"`)

	code, stdout, stderr := run(t, "schema", "check", date, titled)
	if code != ExitOK || !strings.HasPrefix(stdout, `compatible        fields[a].title: absent -> "t"`+"\n") ||
		!strings.Contains(stderr, "compatible: 1 difference") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, "schema", "check", anyDate, date, "--json")
	var c checked
	if err := json.Unmarshal([]byte(stdout), &c); code != ExitSchema || err != nil || c.Verdict != compat.Quarantines ||
		len(c.Differences) != 1 || !strings.Contains(stderr, "it quarantines more") {
		t.Errorf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	if code, _, _ := run(t, "schema", "check", date, anyDate, "--partition", "a"); code != ExitSchema {
		t.Errorf("the partition's field: exit %d", code)
	}
	code, stdout, _ = run(t, "schema", "check", date, date, "--json")
	if code != ExitOK || stdout != `{"verdict":"compatible","differences":[]}`+"\n" {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if code, _, stderr := run(t, "schema", "check", date, filepath.Join(dir, "gone")); code != ExitNotFound {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, "schema", "check", date, file("4", `"type":"text"`)); code != ExitError ||
		!strings.Contains(stderr, "the new schema: fields[0].type") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
