package authn

import (
	"fmt"
	"regexp"
	"strings"

	authv1 "k8s.io/api/authentication/v1"
)

// Access is a cluster's access entry of a principal, with the policies that go with it.
type Access struct {
	Username string
	Groups   []string
	Policies []Policy
}

// Policy is an access policy that is associated with an entry.
type Policy struct {
	ARN   string
	Scope string // "cluster" or "namespace"
}

// adminPolicy allows everything. EKS has an authorizer of its own for its policies; the group has the same effect.
const (
	adminPolicy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
	adminGroup  = "system:masters"
)

var assumedRole = regexp.MustCompile(`^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/([^/]+)$`)

// principalOf returns the principal that an access entry names for a caller: for a session, its role. session is empty
// for other callers.
func principalOf(caller string) (principal, session string) {
	if m := assumedRole.FindStringSubmatch(caller); m != nil {
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", m[1], m[2], m[3]), m[4]
	}
	return caller, ""
}

// user returns the Kubernetes user of a caller with an access entry.
func (a Access) user(caller, session string) (authv1.UserInfo, error) {
	name := strings.ReplaceAll(a.Username, "{{SessionName}}", strings.ReplaceAll(session, "@", "-"))
	if name == "" || strings.Contains(name, "{{") {
		return authv1.UserInfo{}, fmt.Errorf("username %q of the access entry: no name for %s", a.Username, caller)
	}
	user := authv1.UserInfo{Username: name, UID: caller, Groups: append([]string(nil), a.Groups...)}
	for _, p := range a.Policies {
		if p.ARN == adminPolicy && p.Scope == "cluster" {
			user.Groups = append(user.Groups, adminGroup)
		}
	}
	return user, nil
}
