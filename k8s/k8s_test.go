package k8s_test

import (
	"testing"

	"dip/k8s"
)

func TestPlace(t *testing.T) {
	if p := (k8s.Place{}); p.NodeSelector() != nil || p.Tolerations() != nil {
		t.Error("no group, and yet it selects or tolerates")
	}
	if p := (k8s.Place{Group: "g"}); len(p.NodeSelector()) != 1 || p.Tolerations() != nil {
		t.Error("want a selector and no toleration")
	}
	if p := (k8s.Place{Group: "g", Dedicated: true}); len(p.NodeSelector()) != 1 || len(p.Tolerations()) != 1 {
		t.Error("want a selector and a toleration")
	}
}

func TestQuantitiesAreAsKubernetesWritesThem(t *testing.T) {
	for mb, want := range map[int]string{512: "512Mi", 1024: "1Gi", 1536: "1536Mi", 4096: "4Gi"} {
		if got := k8s.Memory(mb); got != want {
			t.Errorf("%d MiB are %s, want %s", mb, got, want)
		}
	}
	for milli, want := range map[int]string{900: "900m", 1000: "1", 1500: "1500m", 4000: "4"} {
		if got := k8s.Processors(milli); got != want {
			t.Errorf("%d thousandths are %s, want %s", milli, got, want)
		}
	}
}
