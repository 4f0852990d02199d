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
