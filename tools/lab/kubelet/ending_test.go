package kubelet_test

import (
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/lab/kubelet"
)

// stubborn is a script that rings when it runs and when it is asked to end, which it does not.
func stubborn(b bell) string {
	return "trap 'echo asked >" + b.path + "' TERM; echo runs >" + b.path + "; while :; do sleep 0.01; done"
}

func TestADeletedPodEndsWithinItsGrace(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", "trap 'exit 0' TERM; echo >"+bell.path+"; while :; do sleep 0.01; done",
		func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyAlways }))
	bell.heard()
	follow := k.follow("pod")
	k.deleteWithin("pod", 3600)
	follow("done before it is gone", phase(corev1.PodSucceeded))
	follow("gone", gone)
	if e := k.next(kubelet.Terminated); e.ExitCode != 0 || e.Stopping <= 0 || e.Stopping > e.Took {
		t.Errorf("it ended as %+v", e)
	}
}

func TestAGracePeriodEndsInAKill(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", stubborn(bell)))
	bell.heard()
	follow := k.follow("pod")
	k.deleteWithin("pod", 1)
	if got := bell.heard(); got != "asked\n" {
		t.Errorf("it was not asked first: %s", got)
	}
	p := follow("failed", phase(corev1.PodFailed))
	if code := p.Status.ContainerStatuses[0].State.Terminated.ExitCode; code != 137 {
		t.Errorf("exit code %d", code)
	}
	follow("gone", gone)
	if e := k.next(kubelet.Killed); e.Signal != syscall.SIGKILL || exists(e.Pid) {
		t.Errorf("it ended as %+v", e)
	}
}

func TestAGracePeriodMayBeShortened(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", stubborn(bell)))
	bell.heard()
	k.deleteWithin("pod", 3600)
	bell.heard()
	k.deleteWithin("pod", 0)
	k.next(kubelet.Killed)
	k.await("pod", "gone", gone)
}

func TestAHookRunsBeforeTheSignal(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", "trap 'cat /data/hook; exit 0' TERM; echo >"+bell.path+"; while :; do sleep 0.01; done", shared,
		func(p *corev1.Pod) {
			p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
				Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "echo hooked >/data/hook"}}}}
		}))
	bell.heard()
	k.deleteWithin("pod", 3600)
	k.await("pod", "gone", gone)
	if got := k.log("pod"); !strings.HasSuffix(got, "hooked\n") {
		t.Errorf("when it was asked it saw %q", got)
	}
}

func TestAPodThatIsGoneAtOnce(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", stubborn(bell)))
	bell.heard()
	if err := k.client.CoreV1().Pods(namespace).Delete(k.ctx, "pod", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := bell.heard(); got != "asked\n" {
		t.Errorf("it was not asked: %s", got)
	}
	k.next(kubelet.Killed)
}

func TestADeletedPodThatNeverRanIsGone(t *testing.T) {
	k := start(t)
	k.create(shell("waiting", "", func(p *corev1.Pod) {
		p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "none"}}}}
	}))
	k.await("waiting", "reported", func(p *corev1.Pod) bool {
		return len(p.Status.ContainerStatuses) > 0 &&
			p.Status.ContainerStatuses[0].State.Waiting.Reason == "CreateContainerError"
	})
	follow := k.follow("waiting")
	k.deleteWithin("waiting", 30)
	follow("failed", phase(corev1.PodFailed))
	follow("gone", gone)
	done := shell("done", "", func(p *corev1.Pod) {
		p.Status.Phase, p.DeletionTimestamp = corev1.PodSucceeded, new(metav1.Now())
	})
	k.create(done)
	k.await("done", "gone", gone)
}

func TestATerminatedInstanceTakesItsProcessesAlong(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", stubborn(bell)))
	bell.heard()
	k.await("pod", "running", phase(corev1.PodRunning))
	if err := k.client.CoreV1().Nodes().Delete(k.ctx, "node-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if e := k.next(kubelet.Lost); e.Signal != syscall.SIGKILL {
		t.Errorf("it ended as %+v", e)
	}
	k.create(shell("other", "exit 0", func(p *corev1.Pod) { p.Spec.NodeName = "node-2" }))
	k.await("other", "done", phase(corev1.PodSucceeded))
	k.await("pod", "as the cluster last saw it", phase(corev1.PodRunning))
}

func TestANodeWithoutPower(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", stubborn(bell)))
	bell.heard()
	pid := k.next(kubelet.Started).Pid
	k.kubelet.KillNode("node-1")
	if exists(pid) {
		t.Error("its process still runs")
	}
	k.create(shell("later", "exit 0"))
	k.create(shell("elsewhere", "exit 0", func(p *corev1.Pod) { p.Spec.NodeName = "node-2" }))
	k.await("elsewhere", "done", phase(corev1.PodSucceeded))
	if e := k.next(kubelet.Started); e.Pod != "elsewhere" {
		t.Errorf("%s started on a node without power", e.Pod)
	}
	if err := k.client.CoreV1().Nodes().Delete(k.ctx, "node-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.client.CoreV1().Nodes().Create(k.ctx, node("node-1"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	k.await("later", "done on the new node", phase(corev1.PodSucceeded))
}
