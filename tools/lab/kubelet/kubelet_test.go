package kubelet_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/lab/kubelet"
)

func TestOutcomes(t *testing.T) {
	type want struct {
		phase    corev1.PodPhase
		exitCode int32
		reason   string
		restarts int32
	}
	firstFails := "test -e /data/f && exit 0; touch /data/f; exit 3"
	policy := func(policy corev1.RestartPolicy) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.RestartPolicy = policy }
	}
	for name, c := range map[string]struct {
		script string
		change func(*corev1.Pod)
		want   want
	}{
		"never, succeeds": {"exit 0", nil, want{corev1.PodSucceeded, 0, "Completed", 0}},
		"never, fails":    {firstFails, nil, want{corev1.PodFailed, 3, "Error", 0}},
		"never, a signal": {"kill -s KILL $$$$", nil, want{corev1.PodFailed, 137, "Error", 0}},
		"on failure, repeats": {firstFails, policy(corev1.RestartPolicyOnFailure),
			want{corev1.PodSucceeded, 0, "Completed", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t)
			p := shell("pod", c.script, shared)
			if c.change != nil {
				c.change(p)
			}
			k.create(p)
			done := k.await("pod", string(c.want.phase), phase(c.want.phase))
			status := done.Status.ContainerStatuses[0]
			if status.State.Terminated == nil {
				t.Fatalf("the container has not terminated: %+v", status)
			}
			if got := (want{done.Status.Phase, status.State.Terminated.ExitCode, status.State.Terminated.Reason,
				status.RestartCount}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAlwaysRestarts(t *testing.T) {
	k := start(t)
	k.create(shell("pod", "exit 0", func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyAlways }))
	p := k.await("pod", "restarted twice", func(p *corev1.Pod) bool {
		return p != nil && len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount >= 2
	})
	if p.Status.Phase != corev1.PodRunning {
		t.Errorf("a pod that restarts is %s", p.Status.Phase)
	}
	k.deleteWithin("pod", 5)
	k.await("pod", "gone", gone)
}

func TestARunningPod(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", "echo hello; echo >"+bell.path, func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{Type: "somebody/else", Status: corev1.ConditionTrue}}
	}))
	p := k.await("pod", "running", phase(corev1.PodRunning))
	conditions := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, c := range p.Status.Conditions {
		conditions[c.Type] = c.Status
	}
	for _, want := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady,
		corev1.PodReady, "somebody/else"} {
		if conditions[want] != corev1.ConditionTrue {
			t.Errorf("%s is %q", want, conditions[want])
		}
	}
	c := p.Status.ContainerStatuses[0]
	if !c.Ready || c.State.Running == nil || p.Status.StartTime == nil || p.Status.HostIP != "10.0.0.1" ||
		!strings.HasPrefix(p.Status.PodIP, "127.64.") {
		t.Errorf("status is %+v", p.Status)
	}
	bell.heard()
	p = k.await("pod", "done", phase(corev1.PodSucceeded))
	if got := k.log("pod"); got != "hello\n" {
		t.Errorf("it logged %q", got)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && (c.Status != corev1.ConditionFalse || c.Reason != "PodCompleted") {
			t.Errorf("a pod that is done is ready: %+v", c)
		}
	}
	started, ended := k.next(kubelet.Started), k.next(kubelet.Terminated)
	if started.Pod != "pod" || started.Node != "node-1" || started.Pid == 0 || ended.Pid != started.Pid ||
		ended.Took <= 0 || ended.Stopping != 0 {
		t.Errorf("observed %+v and %+v", started, ended)
	}
}

func TestInitialContainersRunFirstAndInOrder(t *testing.T) {
	initial := func(scripts ...string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			for i, script := range scripts {
				p.Spec.InitContainers = append(p.Spec.InitContainers,
					corev1.Container{Name: "init-" + string(rune('a'+i)), Image: shellImage, Args: []string{"-c", script}})
			}
		}
	}
	k := start(t)
	k.create(shell("good", "test $(cat /data/f) = ab", initial("printf a >>/data/f", "printf b >>/data/f"), shared))
	k.await("good", "done", phase(corev1.PodSucceeded))
	k.create(shell("bad", "exit 0", initial("exit 1")))
	p := k.await("bad", "failed", phase(corev1.PodFailed))
	if c := p.Status.ContainerStatuses[0]; c.State.Waiting == nil || c.State.Waiting.Reason != "PodInitializing" {
		t.Errorf("a container ran after a failed initial one: %+v", c)
	}
}

func TestOtherPodsAreLeftAlone(t *testing.T) {
	k := start(t)
	k.create(shell("stranger", "exit 0", func(p *corev1.Pod) { p.Spec.Containers[0].Image = "registry/other:1" }))
	k.create(shell("unscheduled", "exit 0", func(p *corev1.Pod) { p.Spec.NodeName = "" }))
	k.create(shell("ours", "exit 0"))
	k.await("ours", "done", phase(corev1.PodSucceeded))
	for _, a := range k.client.Actions() {
		if named, ok := a.(interface{ GetName() string }); ok && a.GetVerb() == "patch" && named.GetName() != "ours" {
			t.Errorf("%s %s", a.GetVerb(), named.GetName())
		}
	}
	if e := k.next(kubelet.Started); e.Pod != "ours" {
		t.Errorf("started %s", e.Pod)
	}
}

func TestACommandNamesAProgramOfAFolder(t *testing.T) {
	k := start(t)
	k.create(shell("named", "", func(p *corev1.Pod) {
		p.Spec.Containers[0].Image, p.Spec.Containers[0].Command = folderImage, []string{"/app/sh", "-c"}
		p.Spec.Containers[0].Args = []string{"echo $0 $(A)", "argument"}
		p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "value"}}
	}))
	k.await("named", "done", phase(corev1.PodSucceeded))
	if got := k.log("named"); got != "argument value\n" {
		t.Errorf("it logged %q", got)
	}
}

func TestWhatDoesNotStartIsTriedAgain(t *testing.T) {
	attempts := 0
	k := start(t, func(o *kubelet.Options) {
		o.Env = func(*corev1.Pod, string) ([]string, error) {
			if attempts++; attempts < 3 {
				return nil, errors.New("its node is not ready")
			}
			return nil, nil
		}
		o.Backoff = 100 * time.Millisecond
	})
	k.create(shell("pod", "exit 0"))
	follow := k.follow("pod")
	follow("waiting", func(p *corev1.Pod) bool {
		w := p.Status.ContainerStatuses
		return len(w) > 0 && w[0].State.Waiting != nil &&
			strings.Contains(w[0].State.Waiting.Message, "environment: its node is not ready")
	})
	if p := follow("done", phase(corev1.PodSucceeded)); p.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Errorf("restarted %d times", p.Status.ContainerStatuses[0].RestartCount)
	}
}

func TestAnActiveDeadlineFailsThePod(t *testing.T) {
	k := start(t)
	k.create(shell("pod", "trap 'exit 0' TERM; while :; do sleep 0.01; done",
		func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(1)) }))
	if p := k.await("pod", "failed", phase(corev1.PodFailed)); p.Status.Reason != "DeadlineExceeded" {
		t.Errorf("it failed with %q", p.Status.Reason)
	}
}

func TestAMissingObjectIsWaitedFor(t *testing.T) {
	k := start(t)
	k.create(shell("pod", "test $(cat /etc/dip-test/key) = value", func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}}}}}
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "config", MountPath: "/etc/dip-test", ReadOnly: true}}
	}))
	k.await("pod", "waiting", func(p *corev1.Pod) bool {
		w := p.Status.ContainerStatuses
		return len(w) > 0 && w[0].State.Waiting != nil &&
			strings.Contains(w[0].State.Waiting.Message, `volume config: configmaps "config" not found`)
	})
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config", Namespace: namespace},
		Data: map[string]string{"key": "value"}}
	if _, err := k.client.CoreV1().ConfigMaps(namespace).Create(k.ctx, config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	k.await("pod", "done", phase(corev1.PodSucceeded))
}

func TestInClusterFilesAndVariables(t *testing.T) {
	k := start(t, func(o *kubelet.Options) {
		o.Env = func(p *corev1.Pod, container string) ([]string, error) {
			return []string{"ADDED=" + p.Name + "/" + container, "REPLACED=new"}, nil
		}
	})
	const at = "/var/run/secrets/kubernetes.io/serviceaccount"
	k.create(shell("pod", "cat "+at+"/token; echo; "+
		"echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT $ADDED $REPLACED $HOME",
		func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "access",
				VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}}}
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "access", MountPath: at, ReadOnly: true}}
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "REPLACED", Value: "old"}}
		}))
	k.await("pod", "done", phase(corev1.PodSucceeded))
	if got, want := k.log("pod"), "token of account\n127.0.0.1:6443 pod/main new /\n"; got != want {
		t.Errorf("it sees %q, want %q", got, want)
	}
}

func TestReadinessIsProbed(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", "cat "+bell.path+" >/dev/null; touch /data/ready; cat "+bell.path, shared, func(p *corev1.Pod) {
		p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{PeriodSeconds: 1,
			ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/data/ready"}}}}
	}))
	if p := k.await("pod", "running", phase(corev1.PodRunning)); p.Status.ContainerStatuses[0].Ready {
		t.Error("ready before it says so")
	}
	bell.ring()
	k.await("pod", "ready", func(p *corev1.Pod) bool { return p.Status.ContainerStatuses[0].Ready })
	bell.ring()
	k.await("pod", "done", phase(corev1.PodSucceeded))
}

func TestNothingOutlivesTheKubelet(t *testing.T) {
	k := start(t)
	bell := k.bell()
	k.create(shell("pod", "trap '' TERM; echo >"+bell.path+"; while :; do sleep 100; done"))
	bell.heard()
	k.stop()
	if e := k.next(kubelet.Lost); e.Signal != syscall.SIGKILL || exists(e.Pid) {
		t.Errorf("it ended as %+v", e)
	}
}

func TestBadOptions(t *testing.T) {
	_, err := kubelet.New(kubelet.Options{Dir: "relative", APIServer: "nowhere"})
	for _, want := range []string{"Client: missing", `Dir: "relative"`, "APIServer: address nowhere", "Program: missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
