package nodegroup

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dip/config"
)

// Labels are the labels of a group's nodes.
func Labels(name string, g config.NodeGroup) map[string]string {
	all := maps.Clone(g.Labels)
	if all == nil {
		all = map[string]string{}
	}
	all[config.GroupLabel], all[config.InterruptionsLabel] = name, string(g.Interruptions)
	return all
}

// Join is what a node needs to know of its cluster.
type Join struct {
	Cluster, Endpoint, CertificateAuthority, ServiceCIDR string
	Labels                                               map[string]string
	Taint                                                string // such as dip/group=batch:NoSchedule; "" for none
}

// UserData is the configuration of nodeadm, which makes an instance of Amazon Linux 2023 a node. Source: "nodeadm API",
// NodeConfig of node.eks.aws/v1alpha1.
func UserData(j Join) string {
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(j.Labels)) {
		labels = append(labels, key+"="+j.Labels[key])
	}
	flags := fmt.Sprintf("      - %q\n", "--node-labels="+strings.Join(labels, ","))
	if j.Taint != "" {
		flags += fmt.Sprintf("      - %q\n", "--register-with-taints="+j.Taint)
	}
	return fmt.Sprintf(`MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: %s
    apiServerEndpoint: %s
    certificateAuthority: %s
    cidr: %s
  kubelet:
    flags:
%s
--//--
`, j.Cluster, j.Endpoint, j.CertificateAuthority, j.ServiceCIDR, flags)
}

// ReleaseParameter is the public parameter that names the newest release of a managed group's image. Source: "Retrieve
// recommended Amazon Linux AMI IDs".
func ReleaseParameter(version string, a config.Architecture) string {
	return fmt.Sprintf("/aws/service/eks/optimized-ami/%s/amazon-linux-2023/%s/standard/recommended/release_version",
		version, a.Lambda())
}

// image is the parameter that names the newest Amazon Linux 2023 image for a Kubernetes minor, as EC2 resolves it when
// an instance starts. Source: "Retrieve recommended Amazon Linux AMI IDs".
func image(version string, a config.Architecture) string {
	return fmt.Sprintf("resolve:ssm:/aws/service/eks/optimized-ami/%s/amazon-linux-2023/%s/standard/recommended/image_id",
		version, a.Lambda())
}

// amiType is the same for managed groups.
func amiType(a config.Architecture) string {
	if a == config.AMD64 {
		return "AL2023_x86_64_STANDARD"
	}
	return "AL2023_ARM_64_STANDARD"
}
