package nodes_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"dip/tools/lab/nodes"
)

const userData = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: text/x-shellscript

echo hello

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: dip-test
    apiServerEndpoint: https://127.0.0.1:1
    certificateAuthority: Q0E=
    cidr: 172.20.0.0/16
  kubelet:
    config: {maxPods: 10}
    flags:
      - "--node-labels=dip/group=batch,dip/interruptions=imds"
      - "--register-with-taints=dip/group=batch:NoSchedule,special:NoExecute"
      - "--v=2"

--//--
`

func TestUserData(t *testing.T) {
	j, err := nodes.ParseUserData(userData)
	if err != nil {
		t.Fatal(err)
	}
	if j.Cluster != "dip-test" ||
		!maps.Equal(j.Labels, map[string]string{"dip/group": "batch", "dip/interruptions": "imds"}) {
		t.Errorf("parsed %v", j)
	}
	taints := []corev1.Taint{{Key: "dip/group", Value: "batch", Effect: "NoSchedule"},
		{Key: "special", Effect: "NoExecute"}}
	if !slices.Equal(j.Taints, taints) {
		t.Errorf("taints are %v", j.Taints)
	}
	none, err := nodes.ParseUserData(strings.Replace(userData, "dip/group=batch:NoSchedule,special:NoExecute", "", 1))
	if err != nil || len(none.Taints) != 0 {
		t.Errorf("no taints: %v (%v)", none, err)
	}
}

func TestUserDataThatIsNone(t *testing.T) {
	for want, replaced := range map[string][2]string{
		"want multipart":                        {`multipart/mixed; boundary="//"`, "text/plain"},
		"without a part of type":                {"application/node.eks.aws", "text/plain"},
		`kind "Other"`:                          {"NodeConfig", "Other"},
		`spec.cluster.name ""`:                  {"name: dip-test", "label: dip-test"},
		"NodeConfig: error converting YAML":     {"kind: NodeConfig", "kind: ["},
		`label "dip/group": want key=value`:     {"dip/group=batch,dip/int", "dip/group,dip/int"},
		`taint "special:Never": want key=value`: {"special:NoExecute", "special:Never"},
		`taint "=x:NoExecute": want key=value`:  {"special:NoExecute", "=x:NoExecute"},
		"user data: malformed header line":      {"MIME-Version: 1.0", "#!/bin/sh"},
	} {
		if _, err := nodes.ParseUserData(strings.Replace(userData, replaced[0], replaced[1], 1)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", replaced, err, want)
		}
	}
}

func FuzzUserData(f *testing.F) {
	f.Add(userData)
	f.Fuzz(func(t *testing.T, text string) {
		if j, err := nodes.ParseUserData(text); err == nil && (j.Cluster == "" || j.Labels == nil) {
			t.Errorf("%q joins %v", text, j)
		}
	})
}

// What the program writes is what is read here.
func TestUserDataOfTheProgram(t *testing.T) {
	text, err := os.ReadFile("../../../components/nodegroup/testdata/userdata.txt")
	if err != nil {
		t.Fatal(err)
	}
	j, err := nodes.ParseUserData(string(text))
	if err != nil || j.Cluster != "dip-test" || j.Labels["dip/interruptions"] != "imds" || len(j.Taints) != 1 {
		t.Errorf("parsed %v (%v)", j, err)
	}
}
