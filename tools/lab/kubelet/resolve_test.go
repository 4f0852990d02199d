package kubelet

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// known are the sources of the tests.
func known() sources {
	none := func(kind, name string) error {
		return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, name)
	}
	return sources{
		pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: "space", UID: "uid",
				Labels: map[string]string{"b": "2", "a": "1"}, Annotations: map[string]string{"x/y": "z"}},
			Spec: corev1.PodSpec{NodeName: "node", ServiceAccountName: "account",
				Containers: []corev1.Container{{Name: "sized", Resources: corev1.ResourceRequirements{
					Limits:   corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi")},
					Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")},
				}}}},
			Status: corev1.PodStatus{PodIP: "127.64.0.1", HostIP: "10.0.0.1"},
		},
		node: &corev1.Node{Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{"memory": resource.MustParse("4Gi")}}},
		configMap: func(name string) (*corev1.ConfigMap, error) {
			if name != "config" {
				return nil, none("configmaps", name)
			}
			return &corev1.ConfigMap{Data: map[string]string{"key": "value", "other": "more"},
				BinaryData: map[string][]byte{"raw": {0}}}, nil
		},
		secret: func(name string) (*corev1.Secret, error) {
			if name != "secret" {
				return nil, none("secrets", name)
			}
			return &corev1.Secret{Data: map[string][]byte{"password": []byte("hidden")}}, nil
		},
		token: func(audience string) (string, error) { return "token for " + audience, nil },
	}
}

func named(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }

func fieldRef(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
}

func resourceRef(container, name, divisor string) *corev1.EnvVarSource {
	ref := &corev1.ResourceFieldSelector{ContainerName: container, Resource: name}
	if divisor != "" {
		ref.Divisor = resource.MustParse(divisor)
	}
	return &corev1.EnvVarSource{ResourceFieldRef: ref}
}

func configKey(name, key string, optional *bool) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: named(name), Key: key,
		Optional: optional}}
}

func TestValues(t *testing.T) {
	for want, from := range map[string]*corev1.EnvVarSource{
		"pod":        fieldRef("metadata.name"),
		"space":      fieldRef("metadata.namespace"),
		"uid":        fieldRef("metadata.uid"),
		"1":          fieldRef("metadata.labels['a']"),
		"z":          fieldRef("metadata.annotations['x/y']"),
		"node":       fieldRef("spec.nodeName"),
		"account":    fieldRef("spec.serviceAccountName"),
		"10.0.0.1":   fieldRef("status.hostIP"),
		"127.64.0.1": fieldRef("status.podIP"),
		"2":          resourceRef("sized", "limits.cpu", ""), // rounded up
		"1500":       resourceRef("sized", "limits.cpu", "1m"),
		"1024":       resourceRef("sized", "limits.memory", "1Mi"),
		"4294967296": resourceRef("", "limits.memory", ""), // the node's
		"100":        resourceRef("sized", "requests.cpu", "1m"),
		"value":      configKey("config", "key", nil),
		"hidden": {SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: named("secret"),
			Key: "password"}},
		"-":                    configKey("none", "key", new(true)), // optional: the variable is not there
		"--":                   configKey("config", "none", new(true)),
		"!unsupported field":   fieldRef("spec.hostname"),
		"!no container":        resourceRef("none", "limits.cpu", ""),
		"!neither limits":      resourceRef("sized", "cpu", ""),
		`!"none" not found`:    configKey("none", "key", nil),
		`!key "none": missing`: configKey("config", "none", new(false)),
		"!unsupported kind":    {},
		`!secrets "none" not found`: {SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: named("none"),
			Key: "password"}},
	} {
		got, err := known().environment(&corev1.Container{Env: []corev1.EnvVar{{Name: "V", ValueFrom: from}}}, "h:1")
		value, there := got["V"]
		switch message, bad := strings.CutPrefix(want, "!"); {
		case bad && (err == nil || !strings.Contains(err.Error(), "env V: ") || !strings.Contains(err.Error(), message)):
			t.Errorf("want an error with %q, got %v", message, err)
		case !bad && err != nil:
			t.Errorf("%s: %v", want, err)
		case strings.HasPrefix(want, "-") && there:
			t.Errorf("there is a variable: %q", value)
		case !bad && !strings.HasPrefix(want, "-") && value != want:
			t.Errorf("got %q, want %q", value, want)
		}
	}
}

func TestEnvironmentInOrder(t *testing.T) {
	c := &corev1.Container{
		EnvFrom: []corev1.EnvFromSource{
			{Prefix: "C_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("config")}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: named("secret")}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: named("none"), Optional: new(true)}},
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("none"), Optional: new(true)}},
		},
		Env: []corev1.EnvVar{
			{Name: "A", Value: "1"}, {Name: "B", Value: "$(A)$(C_key)$(LATER)$$(A)"}, {Name: "LATER", Value: "x"},
			{Name: "A", Value: "2"},
			{Name: "API", Value: "$(KUBERNETES_SERVICE_HOST)"}, {Name: "KUBERNETES_SERVICE_PORT", Value: "own"},
		},
	}
	got, err := known().environment(c, "host:1")
	want := map[string]string{
		"A": "2", "B": "1value$(LATER)$(A)", "LATER": "x", "API": "host", "C_key": "value", "C_other": "more",
		"password":                "hidden",
		"KUBERNETES_SERVICE_HOST": "host", "KUBERNETES_SERVICE_PORT": "own", "KUBERNETES_SERVICE_PORT_HTTPS": "1",
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("none")}}}
	if _, err := known().environment(c, "host:1"); err == nil || !strings.Contains(err.Error(), "envFrom[0]: ") {
		t.Errorf("got %v", err)
	}
}

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a$(V)b": "avalueb", "$(V)$(V)": "valuevalue", "$$(V)": "$(V)", "$$$(V)": "$value", "$(NONE)": "$(NONE)",
		"$(V": "$(V", "$V": "$V",
		"$": "$", "a$": "a$", "$()": "$()", "$(NONE $(V))": "$(NONE value)", "$x)$(V)": "$x)value",
	} {
		if got := expand(text, map[string]string{"V": "value"}); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a$(V)$$b$(")
	f.Fuzz(func(t *testing.T, text string) {
		escaped := strings.ReplaceAll(text, "$", "$$")
		if got := expand(escaped, map[string]string{"V": "$(V)"}); got != text {
			t.Errorf("%q, escaped, became %q", text, got)
		}
	})
}

func configMap(name string, items ...corev1.KeyToPath) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named(name), Items: items}}
}

func optional(v corev1.VolumeSource) corev1.VolumeSource {
	v.ConfigMap.Optional = new(true)
	return v
}

func TestVolumes(t *testing.T) {
	for name, c := range map[string]struct {
		volume corev1.VolumeSource
		want   map[string]string // "!" is an error
	}{
		"empty":      {corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, nil},
		"config map": {configMap("config"), map[string]string{"key": "value", "other": "more", "raw": "\x00"}},
		"chosen keys": {configMap("config", corev1.KeyToPath{Key: "key", Path: "a/b"}),
			map[string]string{"a/b": "value"}},
		"a missing key": {configMap("config", corev1.KeyToPath{Key: "none", Path: "a"}),
			map[string]string{"!": `key "none": missing`}},
		"an optional key": {optional(configMap("config", corev1.KeyToPath{Key: "none", Path: "a"})), nil},
		"no config map":   {configMap("none"), map[string]string{"!": "not found"}},
		"secret": {corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "secret"}},
			map[string]string{"password": "hidden"}},
		"an optional secret": {corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "none",
			Optional: new(true)}}, nil},
		"fields": {corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
			{Path: "cpu", ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "sized", Resource: "limits.cpu"}},
		}}}, map[string]string{"labels": "a=\"1\"\nb=\"2\"", "cpu": "2"}},
		"projected": {corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", Audience: "aws"}},
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("config"),
				Items: []corev1.KeyToPath{{Key: "key", Path: "ca.crt"}}}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace",
				FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}}}},
			{Secret: &corev1.SecretProjection{LocalObjectReference: named("secret")}},
		}}}, map[string]string{"token": "token for aws", "ca.crt": "value", "namespace": "space", "password": "hidden"}},
		"an unsupported kind": {corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
			map[string]string{"!": "unsupported kind"}},
		"an unsupported projection": {corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{}}}}, map[string]string{"!": "projected.sources[0]"}},
	} {
		got, err := known().volume(c.volume)
		if message, bad := c.want["!"]; bad {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: want an error with %q, got %v", name, message, err)
			}
			continue
		}
		texts := map[string]string{}
		for path, f := range got {
			texts[path] = string(f.data)
		}
		if err != nil || !maps.Equal(texts, c.want) {
			t.Errorf("%s: got %q, %v", name, texts, err)
		}
	}
}

func TestFilesHaveTheirModes(t *testing.T) {
	data := map[string][]byte{"a": nil, "b": nil}
	got, err := chosen(data, []corev1.KeyToPath{{Key: "a", Path: "a", Mode: new(int32(0o400))}, {Key: "b", Path: "sub/b"}},
		new(int32(0o440)), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 { // an attempt, and a second one
		if err := got.write(dir); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]os.FileMode{"a": 0o400, "sub/b": 0o440} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if err := (files{"../out": {}}).write(dir); err == nil {
		t.Error("a file left its volume")
	}
}
