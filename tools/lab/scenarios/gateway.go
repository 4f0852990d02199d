package scenarios

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"dip/config"
	"dip/tools/lab/balancer"
	"dip/tools/lab/kubelet"
)

const (
	gatewayName     = "gateway" // of Deployment, service, autoscaler, container
	gatewaySegment  = "readings"
	gatewayGroup    = "services"
	gatewayPods     = 2 // without load
	gatewayMost     = 4
	gatewayStrikes  = 2 // interrupted nodes
	gatewayLimit    = 4 * time.Minute
	gatewayInterval = 20 * time.Second // that is undisturbed, at the beginning and at the end
)

// trial is the gateway while its pods and nodes come and go.
type trial struct {
	lab      *Lab
	balancer *balancer.Balancer
	senders  *senders
	began    time.Time
	hits     []hit
	rows     [][]string // of the report
}

// gateway rolls the gateway's pods, interrupts their nodes and scales them in, while clients send. Each request has to
// be answered, and each record that was answered with a success has to be in the stream, and certified once.
func (l *Lab) gateway(ctx context.Context) (found []string, err error) {
	t := &trial{lab: l, began: time.Now()}
	log, err := os.Create(filepath.Join(l.options.Dir, "balancer.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if t.balancer, err = balancer.Start(ctx, balancer.Options{
		AWS: l.Cluster.AWS, Kubernetes: l.Cluster.Client, Name: *l.Stack.Outputs.Gateway.Balancer,
		Namespace: l.Stack.Outputs.Cluster.Namespace, Service: gatewayName, Log: log,
	}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.balancer.Stop()) }()
	token, err := l.putToken(ctx)
	if err != nil {
		return nil, err
	}
	t.senders = newSenders(l.Stack.Outputs.Gateway.URL, gatewaySegment, token, t.balancer)
	if err := t.awaitReady(ctx); err != nil {
		return nil, err
	}
	if err := t.disturb(ctx); err != nil {
		return nil, err
	}
	if err := t.endings(); err != nil {
		return nil, err
	}
	proven, err := l.proveReadings(ctx, t.senders.promised, t.senders.sent)
	if err != nil {
		return nil, err
	}
	return append(t.report(), proven...), nil
}

// putToken writes the tokens' secret with a producer's new token, as operators do.
func (l *Lab) putToken(ctx context.Context) (string, error) {
	token := rand.Text()
	sum := sha256.Sum256([]byte(token))
	document, err := json.Marshal(map[string]any{"producers": map[string]any{"lab": map[string]any{
		"segments": []string{gatewaySegment}, "tokens": []any{map[string]string{"sha256": hex.EncodeToString(sum[:])}},
	}}})
	if err != nil {
		return "", err
	}
	_, err = secretsmanager.NewFromConfig(l.Stack.AWSConfig()).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: l.Stack.Outputs.Gateway.Tokens, SecretString: aws.String(string(document)),
	})
	if err != nil {
		return "", fmt.Errorf("write the tokens: %w", err)
	}
	return token, nil
}

// awaitReady waits for all pods, for the load balancer to have found them, and for them to have read the token.
func (t *trial) awaitReady(ctx context.Context) error {
	if err := t.awaitPods(ctx, gatewayPods); err != nil {
		return err
	}
	return await(ctx, gatewayLimit, "the gateway to take records", func(ctx context.Context) (bool, error) {
		pods, err := t.pods(ctx)
		if err != nil {
			return false, err
		}
		for _, p := range pods {
			_, body := t.senders.compose()
			a, err := t.senders.post(ctx, http.DefaultClient,
				fmt.Sprintf("http://%s:%d", p.Status.PodIP, config.GatewayPort), body)
			if err != nil || a.status != http.StatusOK {
				return false, nil //nolint:nilerr // it has not read the token yet
			}
		}
		return len(t.balancer.Healthy()) > 0, nil
	})
}

// awaitPods waits until the gateway has a number of pods, all of the newest version, ready, and not ending.
func (t *trial) awaitPods(ctx context.Context, number int) error {
	c, namespace := t.lab.Cluster.Client, t.lab.Stack.Outputs.Cluster.Namespace
	what := fmt.Sprintf("the gateway to have %d pods", number)
	return await(ctx, gatewayLimit, what, func(ctx context.Context) (bool, error) {
		d, err := c.AppsV1().Deployments(namespace).Get(ctx, gatewayName, metav1.GetOptions{})
		if err != nil {
			return false, fmt.Errorf("read the gateway's Deployment: %w", err)
		}
		pods, err := t.pods(ctx)
		n := int32(number)
		return err == nil && d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == n &&
			d.Status.AvailableReplicas == n && len(pods) == number, err
	})
}

// pods lists the gateway's pods, those that end included.
func (t *trial) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := t.lab.Cluster.Client.CoreV1().Pods(t.lab.Stack.Outputs.Cluster.Namespace).List(ctx,
		metav1.ListOptions{LabelSelector: appLabel + "=" + gatewayName})
	if err != nil {
		return nil, fmt.Errorf("list the gateway's pods: %w", err)
	}
	return list.Items, nil
}

// disturb does everything that must not be noticed, one after the other, while clients send.
func (t *trial) disturb(ctx context.Context) error {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { t.senders.run(sending) })
	working, abandon := context.WithCancel(ctx)
	defer abandon()
	endings, working := errgroup.WithContext(working)
	err := t.phases(working, endings)
	if err != nil {
		abandon()
	}
	err = errors.Join(err, endings.Wait())
	if err == nil {
		err = t.phase("calm", func() error { return t.quiet(ctx) })
	}
	stop()
	group.Wait()
	if err == nil {
		err = t.senders.err()
	}
	return err
}

func (t *trial) phases(ctx context.Context, endings *errgroup.Group) error {
	if err := t.phase("calm", func() error { return t.quiet(ctx) }); err != nil {
		return err
	}
	if err := t.phase("rolled", func() error { return t.roll(ctx) }); err != nil {
		return err
	}
	for range gatewayStrikes {
		err := t.phase("node interrupted", func() error { return t.strike(ctx, endings) })
		if err != nil {
			return err
		}
	}
	if err := t.phase("scaled out", func() error { return t.scaleOut(ctx) }); err != nil {
		return err
	}
	if err := t.phase("scaled in", func() error { return t.scaleIn(ctx) }); err != nil {
		return err
	}
	return t.phase("node removed", func() error { return t.removeNode(ctx) })
}

// quiet waits until as many requests were answered as senders make in a while.
func (t *trial) quiet(ctx context.Context) error {
	enough := int(gatewayInterval/senderEvery) * senderCount / 2
	return await(ctx, gatewayLimit, "clients to send undisturbed", func(context.Context) (bool, error) {
		return t.senders.answered() >= enough, nil
	})
}

// roll replaces all pods, as `kubectl rollout restart` does.
func (t *trial) roll(ctx context.Context) error {
	text := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`,
		time.Now().Format(time.RFC3339))
	_, err := t.lab.Cluster.Client.AppsV1().Deployments(t.lab.Stack.Outputs.Cluster.Namespace).Patch(ctx, gatewayName,
		types.StrategicMergePatchType, []byte(text), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("roll the gateway: %w", err)
	}
	return t.awaitPods(ctx, gatewayPods)
}

// busyNode gives a node of the group that has a pod of the gateway, and was not interrupted before.
func (t *trial) busyNode(ctx context.Context) (*corev1.Node, error) {
	pods, err := t.pods(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pods {
		n, err := t.lab.Cluster.Client.CoreV1().Nodes().Get(ctx, p.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read node %s: %w", p.Spec.NodeName, err)
		}
		struck := slices.ContainsFunc(t.hits, func(h hit) bool { return h.node == n.Name })
		if !struck && !n.Spec.Unschedulable && n.Labels[config.GroupLabel] == gatewayGroup {
			return n, nil
		}
	}
	return nil, errors.New("no node of the group " + gatewayGroup + " has a pod of the gateway")
}

// strike announces the interruption of a node: EKS drains it at once, and it ends when the notice does, whatever is
// left on it. Auto Scaling replaces it only then.
func (t *trial) strike(ctx context.Context, endings *errgroup.Group) error {
	n, err := t.busyNode(ctx)
	if err != nil {
		return err
	}
	h := hit{node: n.Name, zone: n.Labels[stormZone], at: time.Now(), ends: time.Now().Add(stormNotice)}
	t.hits = append(t.hits, h)
	endings.Go(func() error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(h.ends)):
		}
		return t.lab.Cluster.AWS.Query(ctx, "ec2", "TerminateInstances",
			map[string]string{"InstanceId.1": path.Base(n.Spec.ProviderID)}, new(struct{}))
	})
	if err := t.lab.Cluster.drain(ctx, n.Name, gatewayName, stormNotice); err != nil {
		return err
	}
	return t.awaitPods(ctx, gatewayPods)
}

// scaleOut adds a node and pods.
func (t *trial) scaleOut(ctx context.Context) error {
	n, err := t.busyNode(ctx)
	if err != nil {
		return err
	}
	group, err := t.lab.scalingGroup(ctx, path.Base(n.Spec.ProviderID))
	if err != nil {
		return err
	}
	if err := t.lab.Cluster.AWS.Query(ctx, "autoscaling", "SetDesiredCapacity",
		map[string]string{"AutoScalingGroupName": group, "DesiredCapacity": fmt.Sprint(servicesMost)}, new(struct{}),
	); err != nil {
		return err
	}
	if err := t.autoscale(ctx, gatewayMost); err != nil {
		return err
	}
	return t.awaitPods(ctx, gatewayMost)
}

// autoscale sets the fewest pods of the gateway's autoscaler.
func (t *trial) autoscale(ctx context.Context, least int) error {
	_, err := t.lab.Cluster.Client.AutoscalingV2().HorizontalPodAutoscalers(t.lab.Stack.Outputs.Cluster.Namespace).Patch(
		ctx, gatewayName, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"minReplicas":%d}}`, least),
		metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("change the gateway's autoscaler: %w", err)
	}
	return nil
}

// scaleIn takes pods away. Nothing measures pods here: the scale is set as the autoscaler would set it.
func (t *trial) scaleIn(ctx context.Context) error {
	if err := t.autoscale(ctx, gatewayPods); err != nil {
		return err
	}
	deployments := t.lab.Cluster.Client.AppsV1().Deployments(t.lab.Stack.Outputs.Cluster.Namespace)
	_, err := deployments.Patch(ctx, gatewayName, types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, gatewayPods), metav1.PatchOptions{}, "scale")
	if err != nil {
		return fmt.Errorf("scale the gateway in: %w", err)
	}
	return t.awaitPods(ctx, gatewayPods)
}

// removeNode drains a node and takes it out of its group, as the Cluster Autoscaler does.
func (t *trial) removeNode(ctx context.Context) error {
	n, err := t.busyNode(ctx)
	if err != nil {
		return err
	}
	if err := t.lab.Cluster.drain(ctx, n.Name, gatewayName, gatewayLimit); err != nil {
		return err
	}
	if err := t.lab.Cluster.AWS.Query(ctx, "autoscaling", "TerminateInstanceInAutoScalingGroup", map[string]string{
		"InstanceId": path.Base(n.Spec.ProviderID), "ShouldDecrementDesiredCapacity": "true",
	}, new(struct{})); err != nil {
		return err
	}
	return t.awaitPods(ctx, gatewayPods)
}

// scalingGroup is the name of the Auto Scaling group of an instance.
func (l *Lab) scalingGroup(ctx context.Context, instance string) (string, error) {
	var answer struct {
		Name string `xml:"DescribeAutoScalingInstancesResult>AutoScalingInstances>member>AutoScalingGroupName"`
	}
	err := l.Cluster.AWS.Query(ctx, "autoscaling", "DescribeAutoScalingInstances",
		map[string]string{"InstanceIds.member.1": instance}, &answer)
	if err == nil && answer.Name == "" {
		err = fmt.Errorf("instance %s is in no Auto Scaling group", instance)
	}
	return answer.Name, err
}

// endings wants every container that has ended to have ended by itself, in time.
func (t *trial) endings() error {
	events := t.lab.Cluster.Containers.since(gatewayName, t.began)
	for _, e := range events {
		if e.Kind != kubelet.Started && (e.Kind != kubelet.Terminated || e.ExitCode != 0) {
			return fmt.Errorf("pod %s of the gateway on node %s: %s with code %d", e.Pod, e.Node, e.Kind, e.ExitCode)
		}
	}
	for _, h := range t.hits {
		if _, err := h.drained(events); err != nil {
			return err
		}
	}
	return nil
}
