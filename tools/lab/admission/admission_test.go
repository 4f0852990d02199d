package admission_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"dip/tools/lab/admission"
	"dip/tools/lab/controlplane"
	"dip/tools/lab/programs"
)

const root = "../../.."

// start gives a checker of an API server that knows KEDA's kinds.
func start(t *testing.T) *admission.Checker {
	binaries, err := programs.Provide(t.Context(), root, programs.Admission, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	c, err := controlplane.Start(t.Context(),
		controlplane.Options{Dir: filepath.Join(t.TempDir(), "lab"), Binaries: binaries, AdmissionOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	checker, err := admission.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(t.Context(), read(t, filepath.Join(binaries["keda-crds"], "*.yaml"))); err != nil {
		t.Fatal(err)
	}
	return checker
}

// read returns the objects of all files that match a pattern.
func read(t *testing.T, pattern string) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	var all []*unstructured.Unstructured
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "apiVersion:") {
			continue // a configuration file of a program
		}
		objects, err := admission.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, objects...)
	}
	return all
}

// The objects of the stack are those that an API server accepts.
func TestAdmission(t *testing.T) {
	checker := start(t)
	t.Run("components", func(t *testing.T) {
		objects := read(t, filepath.Join(root, "k8s", "*", "testdata", "*.yaml"))
		if err := checker.Check(t.Context(), objects); err != nil {
			t.Error(err)
		}
		t.Logf("%d objects", len(objects))
	})
	stacks, err := filepath.Glob(filepath.Join(root, "testdata", "manifests", "*.yaml"))
	if err != nil || len(stacks) < 3 {
		t.Fatalf("the manifests of the stacks are %q: %v", stacks, err)
	}
	for _, f := range stacks {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) {
			objects := read(t, f)
			if err := checker.Check(t.Context(), objects); err != nil {
				t.Error(err)
			}
			t.Logf("%d objects", len(objects))
		})
	}
	for name, c := range broken {
		t.Run(name, func(t *testing.T) { refuses(t.Context(), t, checker, c.manifest, c.want) })
	}
}

func refuses(ctx context.Context, t *testing.T, checker *admission.Checker, manifest, want string) {
	objects, err := admission.Parse([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(ctx, objects); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the API server says %v, want %q", err, want)
	}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: broken, namespace: dip}
spec:
  selector: {matchLabels: {app: broken}}
  template:
    metadata: {labels: {app: broken}}
    spec:
      serviceAccountName: SERVICE
      containers:
      - name: c
        image: "a:1"
        securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: {drop: [ALL]},
          seccompProfile: {type: RuntimeDefault}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: broken, namespace: dip}
`

func replace(old, text string) string {
	return strings.Replace(strings.Replace(deployment, old, text, 1), "SERVICE", "broken", 1)
}

// Objects that an API server refuses for a reason that no other check of this project finds.
var broken = map[string]struct{ manifest, want string }{
	"a field that is misspelt": {replace("  selector:", "  replica: 1\n  selector:"),
		".spec.replica: field not declared in schema"},
	"a field of another type": {replace("  selector:", "  replicas: many\n  selector:"), "replicas"},
	"labels that the selector misses": {replace("labels: {app: broken}", "labels: {app: other}"),
		"`selector` does not match template `labels`"},
	"a pod that its namespace refuses": {replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
		"violates PodSecurity"},
	"a missing service account": {strings.Replace(deployment, "SERVICE", "nobody", 1),
		`serviceaccount "nobody" not found`},
	"a missing priority class": {replace("      containers:",
		"      priorityClassName: none\n      containers:"), "no PriorityClass with name none was found"},
	"a missing namespace": {replace("namespace: dip", "namespace: nowhere"),
		`namespaces "nowhere" not found`},
	"a level that its namespace warns of": {replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
		"Deployment dip/broken: the API server warns: would violate PodSecurity"},
	"a missing kind": {"apiVersion: keda.sh/v1\nkind: ScaledObject\nmetadata: {name: a, namespace: dip}\n",
		`no matches for kind "ScaledObject"`},
	"a custom resource against its schema": {
		"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a, namespace: dip}\n" +
			"spec: {scaleTargetRef: {name: a}, triggers: none}\n", "spec.triggers",
	},
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nkind: Job\n": `key "kind" already set`,
		"apiVersion: v1\nkind: Pod\n":                                 "metadata.name",
		"a: [":                                                        "object 1 of a manifest",
	} {
		if _, err := admission.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	objects, err := admission.Parse([]byte("---\napiVersion: v1\nkind: Pod\nmetadata: {name: " +
		"a}\n---\n\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"))
	if err != nil || len(objects) != 2 || objects[1].GetName() != "b" {
		t.Errorf("parsed %v (%v)", objects, err)
	}
}
