package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// release is what this project knows of a Kubernetes minor.
type release struct {
	autoscaler string // its minor is the cluster's ("Cluster Autoscaler: Releases")
	// The first day without standard support, on which the price rises, and without any support, after which EKS
	// upgrades the control plane by itself (UTC, 2006-01-02).
	standardEnds, extendedEnds string
}

// kubernetes lists the minors that EKS supports and this project knows. Source of the dates: "Amazon EKS Kubernetes
// release calendar" (docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html), November 2026. Versions of
// add-ons and machine images are not listed: EKS names those that match.
var kubernetes = map[string]release{
	"1.33": {"v1.33.0", "2026-07-29", "2027-07-29"},
	"1.34": {"v1.34.0", "2026-12-02", "2027-12-02"},
	"1.35": {"v1.35.2", "2027-03-27", "2028-03-27"},
	"1.36": {"v1.36.1", "2027-08-02", "2028-08-02"},
}

// defaultKubernetes is the minor of a stack that names none.
const defaultKubernetes = "1.36"

// endingSoon is how long before the end of standard support a preview begins to warn.
const endingSoon = 60 * 24 * time.Hour

// KubernetesVersions lists the known minors.
func KubernetesVersions() []string {
	return slices.SortedFunc(maps.Keys(kubernetes), func(a, b string) int { return minorNumber(a) - minorNumber(b) })
}

// AutoscalerFor is the version of the Cluster Autoscaler for a Kubernetes minor; "" is the default minor.
func AutoscalerFor(version string) string {
	return kubernetes[orElse(version, defaultKubernetes)].autoscaler
}

// Minor is the minor of a version: "1.34" of "v1.34.0".
func Minor(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return version
	}
	return parts[0] + "." + parts[1]
}

// minorNumber is 34 of "1.34", and -1 of what is not a minor.
func minorNumber(version string) int {
	text, ok := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return -1
	}
	return n
}

// CheckSupport says how today relates to the support of the cluster's version: a warning while its standard support is
// about to end, or has ended and the settings accept that; an error when it has ended and they do not.
func (c Cluster) CheckSupport(today time.Time) (warning string, err error) {
	known, ok := kubernetes[c.Version]
	if !ok {
		return "", fmt.Errorf("cluster.version: %q is unknown", c.Version)
	}
	standard, extended := day(known.standardEnds), day(known.extendedEnds)
	newer := "choose a newer one of " + strings.Join(KubernetesVersions(), ", ")
	prices := ListPrices()
	monthly := (prices.ClusterExtendedHour - prices.ClusterHour) * HoursPerMonth
	switch {
	case !today.Before(extended):
		return "", fmt.Errorf("cluster.version: %s: EKS ended all support on %s; %s", c.Version, known.extendedEnds, newer)
	case !today.Before(standard) && !c.ExtendedSupport:
		return "", fmt.Errorf("cluster.version: %s: standard support ended on %s, and the cluster costs $%.2f instead of "+
			"$%.2f an hour, $%.0f a month more; %s, or accept it with cluster.extendedSupport: true",
			c.Version, known.standardEnds, prices.ClusterExtendedHour, prices.ClusterHour, monthly, newer)
	case !today.Before(standard):
		return fmt.Sprintf("cluster.version: %s is in extended support, $%.0f a month more, until %s",
			c.Version, monthly, known.extendedEnds), nil
	case standard.Sub(today) <= endingSoon:
		return fmt.Sprintf("cluster.version: standard support of %s ends on %s; from then on the cluster costs $%.0f a "+
			"month more, and the preview fails unless cluster.extendedSupport is true; %s",
			c.Version, known.standardEnds, monthly, newer), nil
	default:
		return "", nil
	}
}

// HoursPerMonth is the length of a month in AWS's price examples.
const HoursPerMonth = 730

// day is midnight, UTC, of a day of the table above. An invalid one is a bug in this package, which any test finds.
func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(fmt.Sprintf("config: %v", err))
	}
	return t
}

// CheckUpgrade says whether EKS can take a live cluster to the version: by one minor at a time, and never back. Source:
// "Update existing cluster to new Kubernetes version".
func (c Cluster) CheckUpgrade(live string) error {
	from, to := minorNumber(live), minorNumber(c.Version)
	switch {
	case from < 0 || to == from || to == from+1:
		return nil
	case to < from:
		return fmt.Errorf("cluster.version: %s: the cluster runs %s, and EKS does not downgrade; want %s", c.Version, live,
			live)
	default:
		return fmt.Errorf("cluster.version: %s: the cluster runs %s, and EKS upgrades one minor at a time; deploy 1.%d first",
			c.Version, live, from+1)
	}
}

// DefaultAddOn is the version of an add-on that lets EKS choose: its default for the Kubernetes minor.
const DefaultAddOn = "default"

// requiredAddOns are the add-ons that the system does not work without: network, names, services, and credentials for
// pods.
var requiredAddOns = []string{"vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"}

// defaultAddOns are those of a cluster that names none.
var defaultAddOns = append(slices.Clone(requiredAddOns), "metrics-server")

// AccessPolicies are the EKS access policies by their names in the config.
var AccessPolicies = map[string]string{
	"view": "AmazonEKSViewPolicy", "edit": "AmazonEKSEditPolicy", "admin": "AmazonEKSAdminPolicy",
	"clusterAdmin": "AmazonEKSClusterAdminPolicy",
}
