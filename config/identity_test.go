package config

import (
	"strings"
	"testing"
)

func TestIsClusterOf(t *testing.T) {
	for name, want := range map[string]bool{
		"dip-dev": true, "dip-dev-0a1b2c3d": true, "dip-dev2": false, "dip-dev-2": false, "dip-prod": false,
		"dip-dev-0a1b2c3d4": false, "my-dip-dev": false,
	} {
		if got := IsClusterOf("", "dev", name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestClusterHasThePrefix(t *testing.T) {
	if !IsClusterOf("acme", "dev", "acme-dev-0a1b2c3d") || IsClusterOf("acme", "dev", "dip-dev-0a1b2c3d") {
		t.Error("a cluster is found by another prefix")
	}
}

func TestCreatorHasNoEntry(t *testing.T) {
	const role, user = "arn:aws:iam::123456789012:role/ci/deployer", "arn:aws:iam::123456789012:user/team/ada"
	for _, c := range []struct {
		principal, caller string
		same              bool
	}{
		{role, "arn:aws:sts::123456789012:assumed-role/deployer/session", true},
		{role, "arn:aws:sts::123456789012:assumed-role/other/session", false},
		{role, "arn:aws:sts::210987654321:assumed-role/deployer/session", false},
		{role, "arn:aws:iam::123456789012:user/deployer", false},
		{user, "arn:aws:iam::123456789012:user/team/ada", true},
		{user, "arn:aws:sts::123456789012:assumed-role/ada/session", false},
		{role, "arn:aws:iam::123456789012:root", false},
	} {
		err := Cluster{Access: map[string]Access{"ops": {Principal: c.principal}}}.CheckCreator(c.caller)
		if (err != nil) != c.same {
			t.Errorf("%s creates, %s has an entry: %v", c.caller, c.principal, err)
		}
		want := "cluster.access.ops.principal: " + c.principal + " creates the cluster"
		if err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Error(err)
		}
	}
}

// A cluster keeps its zones, also when the region has new ones that would come first.
func TestKeepZones(t *testing.T) {
	live := []string{"use1-az2", "use1-az4", "use1-az5", "use1-az6"}
	available := zones("use1-az1", "use1-az6", "use1-az2", "use1-az4", "use1-az5")
	kept, err := KeepZones("dip-dev", live, available, 4)
	if err != nil || len(kept) != 4 || kept[0].ID != "use1-az2" || kept[3].ID != "use1-az6" {
		t.Errorf("%v %v", kept, err)
	}
	_, err = KeepZones("dip-dev", live, available, 5)
	const want = "network.availabilityZones: 5: the cluster dip-dev has the zones use1-az2, use1-az4, use1-az5, " +
		"use1-az6, and EKS does not change the zones of a cluster: want 4, or a new cluster in another stack"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err = KeepZones("dip-dev", live, available[:3], 4); err == nil || !strings.Contains(err.Error(), "only 2 are") {
		t.Errorf("a zone that is gone: %v", err)
	}
}

// What is demanded of roles comes before the cluster: its role never changes.
func TestClusterKeepsItsRole(t *testing.T) {
	const made, ours = "arn:aws:iam::123456789012:role/cluster-eksRole-role-0a1b", "arn:aws:iam::123456789012:role/p/" +
		ClusterRoleName + "-0a1b"
	for _, c := range []struct {
		live string
		path string
		kept bool
	}{{made, "", true}, {ours, "/p/", true}, {made, "/p/", false}, {ours, "", false}, {"", "/p/", true}} {
		err := (&Stack{RolePath: c.path}).CheckClusterRole(c.live)
		if (err == nil) != c.kept || err != nil && !strings.HasPrefix(err.Error(), "permissionsBoundary, rolePath: ") {
			t.Errorf("%q with path %q: %v", c.live, c.path, err)
		}
	}
}
