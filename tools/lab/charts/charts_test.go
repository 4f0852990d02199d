package charts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"dip/tools/lab/admission"
)

// release is what the program asks for: see k8s/keda.
type release struct {
	Name, Namespace, Chart, Version string
	Values                          map[string]any
}

func readRelease(t *testing.T) release {
	t.Helper()
	text, err := os.ReadFile("../../../k8s/keda/testdata/release.json")
	if err != nil {
		t.Fatal(err)
	}
	var r release
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChartFitsTheRelease(t *testing.T) {
	r := readRelease(t)
	if got := r.Chart + "-" + r.Version; got != kedaFolder || r.Namespace != namespace {
		t.Fatalf("the program releases %s into %s, the chart is %s for %s", got, r.Namespace, kedaFolder, namespace)
	}
	definitions, dir := t.TempDir(), t.TempDir()
	if err := Write(dir, definitions); err == nil || !strings.Contains(err.Error(), "has no definitions") {
		t.Errorf("without definitions: %v", err)
	}
	if err := os.WriteFile(filepath.Join(definitions, "a.yaml"), []byte("kind: CustomResourceDefinition\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, definitions); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, kedaFolder, "crds", "a.yaml")); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, kedaFolder, "keda.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	manifest := fill(t, string(text), r)
	objects, err := admission.Parse([]byte(manifest))
	if err != nil {
		t.Fatalf("%v in\n%s", err, manifest)
	}
	kinds := map[string]int{}
	for _, o := range objects {
		kinds[o.GetKind()]++
	}
	if kinds["Deployment"] != 2 || kinds["APIService"] != 1 || kinds["Secret"] != 1 {
		t.Errorf("it has %v", kinds)
	}
	for _, want := range []string{"priorityClassName: dip-platform", `nodeSelector: {"dip/group":"services"}`,
		`tolerations: [{"effect":"NoSchedule",`, `name: WATCH_NAMESPACE, value: "dip"`} {
		if !strings.Contains(manifest, want) {
			t.Errorf("no %s", want)
		}
	}
}

// fill does what the plugin does.
func fill(t *testing.T, text string, r release) string {
	t.Helper()
	functions := template.FuncMap{"toJson": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	}}
	parsed, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Two folders have certificates and ports of their own: two labs run at once.
func TestValuesAreChosenAnew(t *testing.T) {
	a, err := choose()
	if err != nil {
		t.Fatal(err)
	}
	b, err := choose()
	if err != nil {
		t.Fatal(err)
	}
	if a.Key == b.Key || a.API == a.Metrics || a.Probe == a.Own {
		t.Errorf("chosen are %v and %v", a, b)
	}
	if text, err := base64.StdEncoding.DecodeString(a.CA); err != nil ||
		!strings.HasPrefix(string(text), "-----BEGIN CERTIFICATE") {
		t.Errorf("CA is %q (%v)", text, err)
	}
}
