package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ClusterPrefix is what the name of a stack's cluster in EKS begins with; prefix is namePrefix.
func ClusterPrefix(prefix, stack string) string { return orElse(prefix, "dip") + "-" + stack }

// uniquePart is what makes the name of a cluster unique; the first clusters had none.
var uniquePart = regexp.MustCompile(`^(-[a-z0-9]{8})?$`)

// IsClusterOf says whether a cluster's name may be that of a stack. Its tag dip:stack says whether it is.
func IsClusterOf(prefix, stack, cluster string) bool {
	rest, ok := strings.CutPrefix(cluster, ClusterPrefix(prefix, stack))
	return ok && uniquePart.MatchString(rest)
}

// callerARN is how STS names who calls: a role by its session, a user by itself.
var callerARN = regexp.MustCompile(`^arn:[a-z-]+:(?:` +
	`sts::([0-9]{12}):assumed-role/([^/]+)/.+|iam::([0-9]{12}):user/(?:.*/)?([^/]+))$`)

// principalParts are an ARN's account, kind and name, without its path.
var principalParts = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}):(role|user)/(?:.*/)?([^/]+)$`)

// IsPrincipal says whether the caller, as STS names it, is the role or user of an ARN. STS leaves the paths of roles
// out: two roles of an account never share a name.
func IsPrincipal(principal, caller string) bool {
	p, c := principalParts.FindStringSubmatch(principal), callerARN.FindStringSubmatch(caller)
	if p == nil || c == nil {
		return false
	}
	if p[2] == "role" {
		return p[1] == c[1] && p[3] == c[2]
	}
	return p[1] == c[3] && p[3] == c[4]
}

// CheckCreator refuses an access entry of who creates the cluster: EKS makes one for the creator, an administrator, and
// refuses a second. Source: "Create access entries", bootstrapClusterCreatorAdminPermissions.
func (c Cluster) CheckCreator(caller string) error {
	for _, name := range slices.Sorted(maps.Keys(c.Access)) {
		if p := c.Access[name].Principal; IsPrincipal(p, caller) {
			return fmt.Errorf("%s.principal: %s creates the cluster, which makes it the administrator: EKS refuses a second "+
				"entry; remove this one", below("cluster.access", name), p)
		}
	}
	return nil
}

// OwnsClusterRole says whether the control plane's role is declared here, because something is demanded of roles: those
// that pulumi-eks declares are out of reach.
func (s *Stack) OwnsClusterRole() bool { return s.PermissionsBoundary != "" || s.RolePath != "" }

// ClusterRoleName is what the name of a control plane's role that is declared here begins with.
const ClusterRoleName = "cluster-control-plane"

// CheckClusterRole refuses a change of the control plane's role, which would replace the cluster.
func (s *Stack) CheckClusterRole(live string) error {
	parts := principalParts.FindStringSubmatch(live)
	if parts == nil || strings.HasPrefix(parts[3], ClusterRoleName) == s.OwnsClusterRole() {
		return nil
	}
	return fmt.Errorf("permissionsBoundary, rolePath: the cluster that exists has the role %s, and EKS does not change "+
		"it: set them before the first deployment, or use another stack", live)
}
