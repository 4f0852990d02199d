package nodes_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"dip/tools/lab/awsapi"
	"dip/tools/lab/nodes"
)

const described = `<DescribeInstancesResponse><reservationSet><item><instancesSet><item>
<instanceId>i-a</instanceId><instanceState><name>running</name></instanceState>
<privateDnsName>a</privateDnsName><privateIpAddress>10.0.0.1</privateIpAddress>
<placement><availabilityZone>us-east-1a</availabilityZone></placement><instanceType>m7g.large</instanceType>
</item></instancesSet></item></reservationSet></DescribeInstancesResponse>`

const typed = `<DescribeInstanceTypesResponse><instanceTypeSet><item>
<vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo>
<networkInfo>
<maximumNetworkInterfaces>3</maximumNetworkInterfaces>` +
	`<ipv4AddressesPerInterface>10</ipv4AddressesPerInterface></networkInfo>
<processorInfo><supportedArchitectures><item>arm64</item></supportedArchitectures></processorInfo>
</item></instanceTypeSet></DescribeInstanceTypesResponse>`

const zoned = `<DescribeAvailabilityZonesResponse><availabilityZoneInfo>
<item><zoneName>us-east-1b</zoneName><zoneId>use1-az1</zoneId></item>
<item><zoneName>us-east-1a</zoneName><zoneId>use1-az6</zoneId></item>
</availabilityZoneInfo></DescribeAvailabilityZonesResponse>`

// The instance of an EC2 registers, and its node goes when it does.
func TestRun(t *testing.T) {
	var gone atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch action := r.FormValue("Action"); {
		case action == "DescribeInstances" && gone.Load():
			fmt.Fprint(w, "<DescribeInstancesResponse/>")
		case action == "DescribeInstances" && r.FormValue("Filter.1.Value.1") == "kubernetes.io/cluster/dip-test":
			fmt.Fprint(w, described)
		case action == "DescribeInstanceTypes" && r.FormValue("InstanceType.1") == "m7g.large":
			fmt.Fprint(w, typed)
		case action == "DescribeAvailabilityZones":
			fmt.Fprint(w, zoned)
		case action == "DescribeInstanceAttribute" && r.FormValue("InstanceId") == "i-a":
			fmt.Fprintf(w, "<R><userData><value>%s</value></userData></R>", base64.StdEncoding.EncodeToString([]byte(userData)))
		default:
			http.Error(w, "unexpected "+r.Form.Encode(), http.StatusBadRequest)
		}
	}))
	defer server.Close()
	client := fake.NewClientset()
	changes, ended := make(chan nodes.Change), make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- nodes.Run(ctx, nodes.Options{
			AWS: awsapi.Client{Endpoint: server.URL, Region: "us-east-1"}, Kubernetes: client,
			Cluster:  func(context.Context) (string, error) { return "dip-test", nil },
			OnChange: func(c nodes.Change) { changes <- c },
		})
	}()
	if c := <-changes; c.Node != "a" || c.Instance != "i-a" || c.Register == nil {
		t.Errorf("the first change is %v", c)
	}
	n, err := client.CoreV1().Nodes().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || n.Labels["kubernetes.io/arch"] != "arm64" || n.Labels["topology.k8s.aws/zone-id"] != "use1-az6" ||
		len(n.Spec.Taints) != 2 {
		t.Errorf("registered is %v (%v)", n, err)
	}
	gone.Store(true)
	if c := <-changes; c.Node != "a" || c.Register != nil {
		t.Errorf("the second change is %v", c)
	}
	if list, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("left are %v (%v)", list, err)
	}
	// Another instance gets the name while a pod of the old one is still there: it waits until that is collected.
	pods := client.CoreV1().Pods("default")
	if _, err := pods.Create(t.Context(),
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "old"},
			Spec: corev1.PodSpec{NodeName: "a"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 1000)
	client.PrependReactor("list", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		asked <- struct{}{}
		return false, nil, nil
	})
	gone.Store(false)
	<-asked
	<-asked // so it was refused once
	if list, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("a node has the pods of another: %v (%v)", list, err)
	}
	if err := pods.Delete(t.Context(), "old", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if c := <-changes; c.Node != "a" || c.Register == nil {
		t.Errorf("the third change is %v", c)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended: %v", err)
	}
}
