package authn

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"dip/local/emulator"
	"dip/tools/lab/awsapi"
)

// directory is the part of AWS that knows the owners of access keys and the access entries of clusters.
type directory struct {
	aws     awsapi.Client
	cluster string
}

// caller returns the ARN of a token's signer. STS answers the request that the token is, for this cluster alone, as its
// signature covers the cluster's name.
func (d directory) caller(ctx context.Context, t Token) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.aws.Endpoint+"/?"+t.Request.RawQuery, nil)
	if err != nil {
		return "", err
	}
	req.Host = t.Request.Host
	req.Header.Set(clusterHeader, d.cluster)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("STS refuses the token: %w", &emulator.StatusError{Code: res.StatusCode, Text: string(text)})
	}
	var answer struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return "", fmt.Errorf("read the answer of STS: %w", err)
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
