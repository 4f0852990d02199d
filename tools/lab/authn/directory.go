package authn

import (
	"context"
	"fmt"
	"net/url"

	"dip/tools/lab/awsapi"
)

// directory is the part of AWS that knows the owners of access keys and the access entries of clusters.
type directory struct {
	aws     awsapi.Client
	cluster string
}

// caller returns the ARN of an access key's owner. The emulator does not accept presigned requests for STS: the
// question is asked directly, with the token's access key.
func (d directory) caller(ctx context.Context, t Token) (string, error) {
	asking := d.aws
	asking.AccessKey, asking.Region = t.AccessKey, t.Region
	var answer struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := asking.Query(ctx, "sts", "GetCallerIdentity", nil, &answer); err != nil {
		return "", err
	}
	if answer.ARN == "" {
		return "", fmt.Errorf("STS does not know access key %s", t.AccessKey)
	}
	return answer.ARN, nil
}

// access returns the access entry of a principal; false: it has none.
func (d directory) access(ctx context.Context, principal string) (Access, bool, error) {
	path := fmt.Sprintf("/clusters/%s/access-entries/%s", url.PathEscape(d.cluster), url.PathEscape(principal))
	var entry struct {
		AccessEntry struct {
			Username         string   `json:"username"`
			KubernetesGroups []string `json:"kubernetesGroups"`
		} `json:"accessEntry"`
	}
	err := d.aws.Get(ctx, "eks", path, &entry)
	if awsapi.IsNotFound(err) {
		return Access{}, false, nil
	}
	if err != nil {
		return Access{}, false, err
	}
	var associated struct {
		Policies []struct {
			PolicyARN   string `json:"policyArn"`
			AccessScope struct {
				Type string `json:"type"`
			} `json:"accessScope"`
		} `json:"associatedAccessPolicies"`
	}
	if err := d.aws.Get(ctx, "eks", path+"/access-policies", &associated); err != nil {
		return Access{}, false, err
	}
	access := Access{Username: entry.AccessEntry.Username, Groups: entry.AccessEntry.KubernetesGroups}
	for _, p := range associated.Policies {
		access.Policies = append(access.Policies, Policy{ARN: p.PolicyARN, Scope: p.AccessScope.Type})
	}
	return access, true, nil
}
