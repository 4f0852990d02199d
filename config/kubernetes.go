package config

import (
	"maps"
	"slices"
	"strings"
)

// pins are the versions that match a Kubernetes minor.
type pins struct {
	autoscaler string            // its minor is the cluster's ("Cluster Autoscaler: Releases")
	addOns     map[string]string // "Amazon EKS add-ons": the default build of each for the minor
}

// kubernetes lists the minors that EKS supports and that this project has pins for, November 2026.
var kubernetes = map[string]pins{
	"1.33": {"v1.33.0", map[string]string{
		"vpc-cni": "v1.19.5-eksbuild.1", "coredns": "v1.12.1-eksbuild.2", "kube-proxy": "v1.33.0-eksbuild.2",
		"eks-pod-identity-agent": "v1.3.7-eksbuild.2", "metrics-server": "v0.7.2-eksbuild.3",
	}},
	"1.34": {"v1.34.0", map[string]string{
		"vpc-cni": "v1.20.4-eksbuild.1", "coredns": "v1.12.3-eksbuild.1", "kube-proxy": "v1.34.0-eksbuild.2",
		"eks-pod-identity-agent": "v1.3.9-eksbuild.3", "metrics-server": "v0.8.0-eksbuild.2",
	}},
}

// KubernetesVersions lists the supported minors.
func KubernetesVersions() []string { return slices.Sorted(maps.Keys(kubernetes)) }

// Minor is the minor of a version: "1.34" of "v1.34.0".
func Minor(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return version
	}
	return parts[0] + "." + parts[1]
}

// requiredAddOns are the add-ons that the system does not work without: network, names, services, and credentials for
// pods.
var requiredAddOns = []string{"vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"}

// AccessPolicies are the EKS access policies by their names in the config.
var AccessPolicies = map[string]string{
	"view": "AmazonEKSViewPolicy", "edit": "AmazonEKSEditPolicy", "admin": "AmazonEKSAdminPolicy", "clusterAdmin": "AmazonEKSClusterAdminPolicy",
}
