package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dip/local/emulator"
)

// ask sends an EKS operation; into may be nil.
func ask(t *testing.T, method, path string, body, into any) error {
	t.Helper()
	data := []byte{}
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	text, err := send(t, "eks", method, path, "application/json", string(data))
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

type object = map[string]any

// newCluster creates a cluster with access entries, and the role of its nodes.
func newCluster(t *testing.T) (path string, subnets []string) {
	t.Helper()
	subnets = fourZones(t)
	ok(t, ask(t, http.MethodPost, "/clusters", object{
		"name": t.Name(), "version": "1.34", "roleArn": "arn:aws:iam::123456789012:role/control-plane",
		"resourcesVpcConfig": object{"subnetIds": subnets, "endpointPrivateAccess": true, "endpointPublicAccess": false},
		"accessConfig":       object{"authenticationMode": "API"},
	}, nil))
	return "/clusters/" + t.Name(), subnets
}

// Not parallel: all clusters of the emulator have the last announced endpoint.
func TestClusterIsWhereItsControlPlaneRuns(t *testing.T) {
	path, _ := newCluster(t)
	at := emulator.ControlPlane{Endpoint: "https://127.0.0.1:6443", CA: []byte("-----BEGIN CERTIFICATE-----\n")}
	endpoint, key := owner(t)
	ok(t, at.Announce(t.Context(), endpoint, key))
	var got struct {
		Cluster struct {
			Endpoint             string
			CertificateAuthority struct{ Data string }
			ResourcesVpcConfig   struct{ VpcID, ClusterSecurityGroupID string }
		}
	}
	ok(t, ask(t, http.MethodGet, path, nil, &got))
	ca, err := base64.StdEncoding.DecodeString(got.Cluster.CertificateAuthority.Data)
	if err != nil || string(ca) != string(at.CA) || got.Cluster.Endpoint != at.Endpoint {
		t.Errorf("endpoint %s with authority %q, %v", got.Cluster.Endpoint, ca, err)
	}
	if got.Cluster.ResourcesVpcConfig.VpcID == "" || got.Cluster.ResourcesVpcConfig.ClusterSecurityGroupID == "" {
		t.Errorf("network %+v", got.Cluster.ResourcesVpcConfig)
	}
	err = at.Announce(t.Context(), "http://127.0.0.1:1", key)
	if err == nil || !strings.Contains(err.Error(), "announce the control plane https://127.0.0.1:6443 to the emulator") {
		t.Errorf("nothing listens there: %v", err)
	}
	err = at.Announce(t.Context(), endpoint+"/_local/nothing", key)
	if err == nil || !strings.Contains(err.Error(), "returned 404") {
		t.Errorf("another server listens there: %v", err)
	}
}

func TestAccessEntries(t *testing.T) {
	t.Parallel()
	path, _ := newCluster(t)
	entries := func() (found struct{ AccessEntries []string }) {
		t.Helper()
		ok(t, ask(t, http.MethodGet, path+"/access-entries", nil, &found))
		return found
	}
	creator := entries().AccessEntries
	if len(creator) != 1 {
		t.Fatalf("a new cluster admits %q, not its creator alone", creator)
	}
	var policies struct{ AssociatedAccessPolicies []struct{ PolicyArn string } }
	ok(t, ask(t, http.MethodGet, path+"/access-entries/"+url.PathEscape(creator[0])+"/access-policies", nil, &policies))
	if len(policies.AssociatedAccessPolicies) != 1 ||
		!strings.HasSuffix(policies.AssociatedAccessPolicies[0].PolicyArn, "/AmazonEKSClusterAdminPolicy") {
		t.Errorf("the creator has %+v", policies)
	}

	const role = "arn:aws:iam::123456789012:role/readers"
	entry := path + "/access-entries/" + url.PathEscape(role)
	var made struct {
		AccessEntry struct{ Username, Type string }
	}
	ok(t, ask(t, http.MethodPost, path+"/access-entries", object{"principalArn": role}, &made))
	if made.AccessEntry.Username != "arn:aws:sts::123456789012:assumed-role/readers/{{SessionName}}" ||
		made.AccessEntry.Type != "STANDARD" {
		t.Errorf("a role's entry is %+v", made)
	}
	refused(t, ask(t, http.MethodPost, path+"/access-entries", object{"principalArn": role}, nil), "already in use")
	view := object{"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"}
	view["accessScope"] = object{"type": "namespace"}
	refused(t, ask(t, http.MethodPost, entry+"/access-policies", view, nil), "needs namespaces")
	view["accessScope"] = object{"type": "namespace", "namespaces": []string{"dip"}}
	ok(t, ask(t, http.MethodPost, entry+"/access-policies", view, nil))
	ok(t, ask(t, http.MethodDelete, entry, nil, nil))
	if got := entries().AccessEntries; !slices.Equal(got, creator) {
		t.Errorf("after the entry was deleted the cluster admits %q", got)
	}
	refused(t, ask(t, http.MethodGet, entry, nil, nil), "could not be found")
}

func TestAddOnsAndPodIdentities(t *testing.T) {
	t.Parallel()
	path, _ := newCluster(t)
	var made struct {
		Addon struct{ Status, AddonVersion string }
	}
	ok(t, ask(t, http.MethodPost, path+"/addons", object{"addonName": "coredns", "addonVersion": "v1.12.3-eksbuild.1"},
		&made))
	if made.Addon.Status != "ACTIVE" || made.Addon.AddonVersion != "v1.12.3-eksbuild.1" {
		t.Errorf("%+v", made)
	}
	refused(t, ask(t, http.MethodPost, path+"/addons", object{"addonName": "coredns"}, nil), "already exists")
	refused(t, ask(t, http.MethodPost, path+"/addons", object{"addonName": "sidecar"}, nil), "not supported")
	ok(t, ask(t, http.MethodDelete, path+"/addons/coredns", nil, nil))
	refused(t, ask(t, http.MethodGet, path+"/addons/coredns", nil, nil), "No addon")

	pod := object{"namespace": "dip", "serviceAccount": "restage", "roleArn": "arn:aws:iam::123456789012:role/restage"}
	var identity struct {
		Association struct{ AssociationID string }
	}
	ok(t, ask(t, http.MethodPost, path+"/pod-identity-associations", pod, &identity))
	if identity.Association.AssociationID == "" {
		t.Error("no association")
	}
	refused(t, ask(t, http.MethodPost, path+"/pod-identity-associations", pod, nil), "")
	ok(t, ask(t, http.MethodDelete, path+"/pod-identity-associations/"+identity.Association.AssociationID, nil, nil))
}

func TestNodeGroupIsAnAutoScalingGroup(t *testing.T) {
	t.Parallel()
	path, subnets := newCluster(t)
	const role = "arn:aws:iam::123456789012:role/nodes"
	type nodegroup struct {
		Nodegroup struct {
			ScalingConfig struct{ MinSize, MaxSize, DesiredSize int }
			Resources     struct{ AutoScalingGroups []struct{ Name string } }
		}
	}
	var made nodegroup
	ok(t, ask(t, http.MethodPost, path+"/node-groups", object{
		"nodegroupName": "services", "nodeRole": role, "subnets": subnets, "amiType": "AL2023_x86_64_STANDARD",
		"capacityType":  "SPOT",
		"instanceTypes": []string{"m7i.large", "m6i.large"}, "launchTemplate": object{"id": template(t), "version": "1"},
		"scalingConfig": object{"minSize": 2, "maxSize": 4, "desiredSize": 2},
	}, &made))
	group := made.Nodegroup.Resources.AutoScalingGroups[0].Name
	g := describeGroup(t, group)
	if len(g.Instances) != 2 || g.Instances[0].Zone == g.Instances[1].Zone {
		t.Fatalf("%+v", g)
	}
	node := describeInstance(t, g.Instances[0].ID)
	if node.Lifecycle != "spot" || node.tag("eks:cluster-name") != t.Name() ||
		node.tag("eks:nodegroup-name") != "services" ||
		node.tag("kubernetes.io/cluster/"+t.Name()) != "owned" {
		t.Errorf("%+v", node)
	}
	var told struct {
		UserData string `xml:"userData>value"`
	}
	ok(t, call(t, "ec2", "DescribeInstanceAttribute",
		map[string]string{"InstanceId": g.Instances[0].ID, "Attribute": "userData"}, &told))
	if text, err := base64.StdEncoding.DecodeString(told.UserData); err != nil ||
		!strings.Contains(string(text), "eks.amazonaws.com/nodegroup=services") {
		t.Errorf("user data %q, %v", text, err)
	}
	ok(t, setDesired(t, group, 3)) // as a scaler does
	var now nodegroup
	ok(t, ask(t, http.MethodGet, path+"/node-groups/services", nil, &now))
	if now.Nodegroup.ScalingConfig.DesiredSize != 3 {
		t.Errorf("sizes %+v", now.Nodegroup.ScalingConfig)
	}
	var entry struct{ AccessEntry struct{ Type string } }
	ok(t, ask(t, http.MethodGet, path+"/access-entries/"+url.PathEscape(role), nil, &entry))
	if entry.AccessEntry.Type != "EC2_LINUX" {
		t.Errorf("access entry of its nodes: %+v", entry)
	}
	instances := describeGroup(t, group).ids()
	ok(t, ask(t, http.MethodDelete, path+"/node-groups/services", nil, nil))
	for _, id := range instances {
		if state := describeInstance(t, id).State; state != "terminated" {
			t.Errorf("%s is %s after the group was deleted", id, state)
		}
	}
	ok(t, ask(t, http.MethodDelete, path, nil, nil))
}

func TestClusterChangesAreUpdates(t *testing.T) {
	t.Parallel()
	path, _ := newCluster(t)
	var update struct {
		Update struct{ ID, Status, Type string }
	}
	ok(t, ask(t, http.MethodPost, path+"/update-config",
		object{"resourcesVpcConfig": object{"endpointPublicAccess": true}}, &update))
	if update.Update.ID == "" || update.Update.Type != "EndpointAccessUpdate" {
		t.Fatalf("%+v", update)
	}
	ok(t, ask(t, http.MethodGet, fmt.Sprintf("%s/updates/%s", path, update.Update.ID), nil, &update))
	if update.Update.Status != "Successful" {
		t.Errorf("%+v", update)
	}
	var got struct {
		Cluster struct {
			ResourcesVpcConfig struct {
				EndpointPublicAccess, EndpointPrivateAccess bool
				SubnetIDs                                   []string
			}
		}
	}
	ok(t, ask(t, http.MethodGet, path, nil, &got))
	if c := got.Cluster.ResourcesVpcConfig; !c.EndpointPublicAccess || !c.EndpointPrivateAccess || len(c.SubnetIDs) != 4 {
		t.Errorf("after the change of one setting: %+v", c)
	}
}
