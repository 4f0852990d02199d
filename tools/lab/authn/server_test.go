package authn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"

	"dip/tools/lab/authn"
	"dip/tools/lab/awsapi"
)

// callers are the owners of access keys, entries the cluster's access entries, policies those of the entries.
var (
	callers = map[string]string{
		"root": "arn:aws:iam::123456789012:user/root", "viewer": "arn:aws:iam::123456789012:user/viewer",
		"session":  "arn:aws:sts::123456789012:assumed-role/ops/me@home",
		"stranger": "arn:aws:iam::123456789012:user/stranger",
		"node":     "arn:aws:iam::123456789012:role/node",
	}
	entries = map[string]string{
		"arn:aws:iam::123456789012:user/root":   `{"username": "root", "kubernetesGroups": []}`,
		"arn:aws:iam::123456789012:user/viewer": `{"username": "viewer", "kubernetesGroups": ["readers"]}`,
		"arn:aws:iam::123456789012:role/ops":    `{"username": "ops:{{SessionName}}", "kubernetesGroups": ["ops"]}`,
		"arn:aws:iam::123456789012:role/node": `{"username": "system:node:{{EC2PrivateDNSName}}", ` +
			`"kubernetesGroups": ["system:nodes"]}`,
	}
	policies = map[string]string{
		"arn:aws:iam::123456789012:user/root":   policy("AmazonEKSClusterAdminPolicy", "cluster"),
		"arn:aws:iam::123456789012:user/viewer": policy("AmazonEKSClusterAdminPolicy", "namespace"),
		"arn:aws:iam::123456789012:role/ops":    policy("AmazonEKSViewPolicy", "cluster"),
	}
)

func policy(name, scope string) string {
	return fmt.Sprintf(`{"policyArn": "arn:aws:eks::aws:cluster-access-policy/%s", "accessScope": {"type": %q}}`, name,
		scope)
}

// aws answers as the emulator does.
func aws(t *testing.T) awsapi.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			key, _, _ := strings.Cut(r.FormValue("X-Amz-Credential"), "/")
			if r.Host != "sts.us-east-1.amazonaws.com" || r.Header.Get("X-K8s-Aws-Id") != "dip-test" || callers[key] == "" {
				http.Error(w, "<Code>SignatureDoesNotMatch</Code>", http.StatusForbidden)
				return
			}
			fmt.Fprintf(w, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn></GetCallerIdentityResult>"+
				"</GetCallerIdentityResponse>", callers[key])
			return
		}
		principal, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/clusters/dip-test/access-entries/"),
			"/access-policies")
		switch entry, ok := entries[principal]; {
		case !ok:
			http.Error(w, `{"message": "not found"}`, http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/access-policies") && rest == "":
			fmt.Fprintf(w, `{"associatedAccessPolicies": [%s]}`, policies[principal])
		default:
			fmt.Fprintf(w, `{"accessEntry": %s}`, entry)
		}
	}))
	t.Cleanup(server.Close)
	return awsapi.Client{Endpoint: server.URL, Region: "us-east-1"}
}

// fresh is a token that an access key signs now.
func fresh(key string) string { return signedAt(time.Now(), key) }

func signedAt(at time.Time, key string) string {
	now := at.UTC()
	text := strings.NewReplacer("AKIAEXAMPLE", key, "20261126T071836Z", now.Format("20060102T150405Z"), "20261126",
		now.Format("20060102")).Replace(request)
	return token(text)
}

func review(t *testing.T, s *authn.Server, token string) authv1.TokenReviewStatus {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		t.Fatal("the server's CA is not a certificate")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	body, err := json.Marshal(authv1.TokenReview{Spec: authv1.TokenReviewSpec{Token: token}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Post(s.URL, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer authv1.TokenReview
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Spec.Token != "" {
		t.Error("the token was sent back")
	}
	return answer.Status
}

func start(t *testing.T, aws awsapi.Client) *authn.Server {
	s, err := authn.Start(authn.Options{Cluster: named("dip-test"), AWS: aws})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestReview(t *testing.T) {
	s := start(t, aws(t))
	for key, want := range map[string]struct {
		username string
		groups   []string
	}{
		"root":    {"root", []string{"system:masters"}},
		"viewer":  {"viewer", []string{"readers"}},
		"session": {"ops:me-home", []string{"ops"}},
	} {
		got := review(t, s, fresh(key))
		if !got.Authenticated || got.User.Username != want.username || !slices.Equal(got.User.Groups, want.groups) {
			t.Errorf("%s is %+v, want %v", key, got, want)
		}
	}
	for text, want := range map[string]string{
		fresh("stranger"): "cluster dip-test has no access entry for arn:aws:iam::123456789012:user/stranger",
		fresh("unknown"):  "STS refuses the token",
		fresh("node"):     "no name for arn:aws:iam::123456789012:role/node",
		signedAt(time.Now().Add(-time.Hour), "root"): "want at most 15m0s",
		"other": "does not begin with k8s-aws-v1.",
	} {
		if got := review(t, s, text); got.Authenticated || got.User.Username != "" || !strings.Contains(got.Error, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// named is a cluster that exists.
func named(cluster string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return cluster, nil }
}
