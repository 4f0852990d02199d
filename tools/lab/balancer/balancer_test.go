package balancer

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"dip/tools/lab/awsapi"
	"dip/tools/lab/nodes"
)

const (
	lbName   = "gateway.elb.amazonaws.com"
	patient  = 30 * time.Second
	listener = `<Listeners><member><Protocol>TLS</Protocol><DefaultActions><member><Type>forward</Type>` +
		`<TargetGroupArn>arn:tg</TargetGroupArn></member></DefaultActions></member></Listeners>`
	group = `<TargetGroups><member><TargetType>instance</TargetType><HealthCheckProtocol>HTTP</HealthCheckProtocol>` +
		`<HealthCheckPath>/readyz</HealthCheckPath><HealthCheckIntervalSeconds>1</HealthCheckIntervalSeconds>` +
		`<HealthCheckTimeoutSeconds>1</HealthCheckTimeoutSeconds><HealthyThresholdCount>2</HealthyThresholdCount>` +
		`<UnhealthyThresholdCount>2</UnhealthyThresholdCount><Matcher><HttpCode>200</HttpCode></Matcher>` +
		`</member></TargetGroups>`
	attributes = `<Attributes><member><Key>deregistration_delay.timeout_seconds</Key><Value>1</Value></member>` +
		`<member><Key>deregistration_delay.connection_termination.enabled</Key><Value>true</Value></member>` +
		`<member><Key>target_health_state.unhealthy.connection_termination.enabled</Key><Value>%t</Value></member>` +
		`</Attributes>`
)

// world is a load balancer before two instances, each with a pod. What pods answer is theirs to say.
type world struct {
	*testing.T
	*Balancer

	mu      sync.Mutex
	targets []string
	ready   map[string]bool // by pod
}

func newWorld(t *testing.T, cutUnhealthy bool) *world {
	t.Helper()
	w := &world{T: t, targets: []string{"i-1", "i-2"}, ready: map[string]bool{"1": true, "2": true}}
	aws := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		action := r.FormValue("Action")
		_, _ = fmt.Fprintf(to, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action,
			w.describe(action, cutUnhealthy))
	}))
	t.Cleanup(aws.Close)
	s := aService("Local")
	objects := []runtime.Object{s}
	for _, name := range []string{"1", "2"} {
		pod := w.pod(name)
		objects = append(objects, pod, nodes.Node(nodes.Instance{
			ID: "i-" + name, Name: pod.Spec.NodeName, Join: nodes.Join{Labels: map[string]string{}},
		}))
	}
	var err error
	w.Balancer, err = Start(t.Context(), Options{
		AWS: awsapi.Client{Endpoint: aws.URL, Region: "us-east-1"}, Kubernetes: fake.NewClientset(objects...),
		Name: lbName, Namespace: "dip", Service: "g", Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) describe(action string, cutUnhealthy bool) string {
	switch action {
	case "DescribeLoadBalancers":
		return "<LoadBalancers><member><LoadBalancerArn>arn:lb</LoadBalancerArn><DNSName>" + lbName +
			"</DNSName><Type>network</Type></member></LoadBalancers>"
	case "DescribeListeners":
		return listener
	case "DescribeTargetGroups":
		return group
	case "DescribeTargetGroupAttributes":
		return fmt.Sprintf(attributes, cutUnhealthy)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var text strings.Builder
	for _, id := range w.targets {
		fmt.Fprintf(&text, "<member><Target><Id>%s</Id></Target></member>", id)
	}
	return "<TargetHealthDescriptions>" + text.String() + "</TargetHealthDescriptions>"
}

// pod serves /readyz, and its name for anything else.
func (w *world) pod(name string) *corev1.Pod {
	server := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.URL.Path == "/readyz" && !w.ready[name] {
			to.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(to, name)
	}))
	w.Cleanup(server.Close)
	host, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	p := aPod(host, "node-"+name, true, false)
	p.Name = "pod-" + name
	number, _ := strconv.Atoi(port)
	p.Spec.Containers[0].Ports[0].ContainerPort = int32(number)
	return p
}

// change changes what is registered and who is ready.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) await(what string, holds func() bool) {
	w.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(patient); !holds(); <-ticker.C {
		if time.Now().After(end) {
			w.Fatalf("waited for %s", what)
		}
	}
}

func (w *world) awaitHealthy(want ...string) {
	w.Helper()
	w.await(fmt.Sprintf("%q to be healthy", want), func() bool {
		got := w.Healthy()
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// connect makes a connection, and asks who answers; "": nobody.
func (w *world) connect() (net.Conn, *bufio.Reader, string) {
	w.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.CA)
	ctx, cancel := context.WithTimeout(w.Context(), patient)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: lbName}}
	c, err := d.DialContext(ctx, "tcp", w.Address)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	r := bufio.NewReader(c)
	return c, r, ask(c, r)
}

func ask(c net.Conn, r *bufio.Reader) string {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: g\r\n\r\n"); err != nil {
		return ""
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil {
		return ""
	}
	return string(text)
}

func TestConnectionsGoToHealthyTargets(t *testing.T) {
	w := newWorld(t, false)
	w.awaitHealthy("node-1", "node-2")
	w.change(func() { w.ready["1"] = false })
	w.awaitHealthy("node-2")
	for range 20 {
		if _, _, who := w.connect(); who != "2" {
			t.Fatalf("%q answers", who)
		}
	}
	w.change(func() { w.ready["2"] = false })
	w.awaitHealthy()
	seen := map[string]bool{}
	w.await("it to fail open", func() bool {
		_, _, who := w.connect()
		seen[who] = true
		return seen["1"] && seen["2"]
	})
}

// What happens to connections when their target becomes unhealthy or is deregistered is the target group's to say.
func TestConnectionsOfTargetsThatGo(t *testing.T) {
	for _, cuts := range []bool{false, true} {
		w := newWorld(t, cuts)
		w.awaitHealthy("node-1", "node-2")
		w.change(func() { w.ready["2"] = false })
		w.awaitHealthy("node-1")
		c, r, who := w.connect()
		w.change(func() { w.ready["1"], w.ready["2"] = false, true })
		w.awaitHealthy("node-2")
		if again := ask(c, r); who != "1" || again == "1" == cuts {
			t.Errorf("cuts %t: %q answers after %q", cuts, again, who)
		}
		c, r, who = w.connect()
		w.change(func() { w.targets = []string{"i-1"} })
		if _, err := r.ReadByte(); who != "2" || err == nil {
			t.Errorf("a connection of %q to a target that was deregistered: %v", who, err)
		}
		_ = c
	}
}

// A target that takes no connection is not replaced by another one.
func TestConnectionsAreNotTriedAgain(t *testing.T) {
	w := newWorld(t, false)
	w.awaitHealthy("node-1", "node-2")
	w.change(func() { w.targets = []string{"i-1", "i-3"}; w.ready["1"] = false }) // i-3 has no node
	w.awaitHealthy()
	w.await("a connection to a target without a node", func() bool {
		_, _, who := w.connect()
		return who == ""
	})
	if w.Closed() == 0 {
		t.Error("no connection was counted")
	}
}

func TestUnknownLoadBalancer(t *testing.T) {
	w := newWorld(t, false)
	o := w.options
	o.Name = "other"
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "no load balancer has the name other") {
		t.Error(err)
	}
}
