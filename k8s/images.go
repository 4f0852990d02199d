package k8s

import "strings"

// The images of what we did not write, by exact tag. The Cluster Autoscaler's tag comes from the stack's config, for
// its minor is the cluster's.
const (
	AutoscalerImage  = "registry.k8s.io/autoscaling/cluster-autoscaler" // without a tag
	EscalatorImage   = "atlassian/escalator:v1.15.0"
	TerminationImage = "public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.25.1"
)

// Pinned says whether an image has an exact tag or a digest, so that the same stack runs the same code tomorrow.
func Pinned(image string) bool {
	if strings.Contains(image, "@sha256:") {
		return true
	}
	_, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return ok && tag != "" && tag != "latest"
}
