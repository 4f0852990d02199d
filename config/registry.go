package config

// The update that precedes all others of a stack with a cluster: it makes the repository of images, so that the image
// can be pushed before pods want it. Without RegistryTarget the engine would delete what this program does not declare;
// without RegistryOnly it would refuse the program, since the provider of what is in the cluster, which is not a
// target, depends on the cluster.
const (
	// RegistryOnly is an environment variable. If it is set, the program declares the repository alone.
	RegistryOnly = "DIP_REGISTRY_ONLY"
	// RegistryTarget selects the repository for `pulumi up --target`.
	RegistryTarget = "**dip:registry:Registry**"
)
