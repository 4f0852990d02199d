package segment

import (
	"reflect"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/adapters"
	"dip/internal/boot"
)

func TestWorkerIsMadeOfItsEnvironment(t *testing.T) {
	t.Setenv("HOSTNAME", "pod-1")
	env := contract.WorkerEnv[string]{Queue: "http://queue", LeaseSeconds: "60", Slots: "2", GraceSeconds: "30"}
	w := pod(env, &boot.Process{})
	if w.Slots != 2 || w.Lease != time.Minute || w.Grace != 30*time.Second || boot.Pod() != "worker/pod-1" {
		t.Errorf("got %+v", w)
	}
	if want := adapters.NewReceiver((&boot.Process{}).Config,
		"http://queue"); reflect.TypeOf(w.Queue) != reflect.TypeOf(want) {
		t.Errorf("the worker receives chunks from %T", w.Queue)
	}
}

// The environment says how the records arrive.
func TestAFunctionOfAStreamKnowsItsCatalog(t *testing.T) {
	for _, name := range contract.Names(contract.SegmentEnv[string]{}) {
		t.Setenv(name, "x")
	}
	if streams() {
		t.Error("a function without a catalog takes batches of a stream")
	}
	t.Setenv("DIP_CATALOG", "catalog/1.json")
	if !streams() {
		t.Error("a function with a catalog takes chunks")
	}
	env := contract.ProcessorEnv[string]{Catalog: "catalog/1.json"}
	env.Segment, env.Code = "readings", "c0de"
	p := processor(env, &boot.Process{})
	if p.Segment != "readings" || p.Catalog != "catalog/1.json" || p.Code != "c0de" || p.Segments == nil {
		t.Errorf("got %+v", p)
	}
}
