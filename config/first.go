package config

// FirstTargets are the targets of the update that precedes all others of a stack with a cluster: it makes the repository
// of images, so that the image can be pushed before pods want it. Of the cluster it registers only components and the
// provider of what is in it, which makes nothing: the engine demands the parents of a provider that the program
// registers, targeted or not.
func FirstTargets() []string {
	return []string{
		"**dip:registry:Registry**",
		"**dip:cluster:Cluster::cluster",
		"**$eks:index:Cluster::cluster",
		"**$pulumi:providers:kubernetes::cluster-eks-k8s",
	}
}
