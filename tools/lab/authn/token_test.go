package authn_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"dip/tools/lab/authn"
)

// request is what a token of `aws eks get-token` (aws-cli 1.45.11) holds.
const request = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15" +
	"&X-Amz-Algorithm=AWS4-HMAC-SHA256" +
	"&X-Amz-Credential=AKIAEXAMPLE%2F20261126%2Fus-east-1%2Fsts%2Faws4_request" +
	"&X-Amz-Date=20261126T071836Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id" +
	"&X-Amz-Signature=0d003654dde649ce445bcf288e77af3639ac6d972acc3c6b02596c240c63796d"

var signed = time.Date(2026, 11, 26, 7, 18, 36, 0, time.UTC)

func token(request string) string {
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(request))
}

func TestToken(t *testing.T) {
	want := authn.Token{AccessKey: "AKIAEXAMPLE", Region: "us-east-1", Signed: signed}
	for _, text := range []string{
		token(request),
		// AWS_ENDPOINT_URL
		token(strings.Replace(request, "https://sts.us-east-1.amazonaws.com/", "http://127.0.0.1:5000/", 1)),
		token(request + "&X-Amz-Security-Token=session"),
	} {
		got, err := authn.ParseToken(text)
		if err != nil || got.Request.Query().Get("Action") != "GetCallerIdentity" {
			t.Errorf("got %v (%v)", got.Request, err)
		}
		if got.Request = nil; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	changed := func(old, text string) string {
		if !strings.Contains(request, old) {
			t.Fatalf("%q is not part of a request", old)
		}
		return token(strings.Replace(request, old, text, 1))
	}
	for want, text := range map[string]string{
		"does not begin with k8s-aws-v1.":                "eyJhbGciOi.x.y",
		"not base64url":                                  "k8s-aws-v1.$",
		"want at most 4096":                              token(request + strings.Repeat("a", 4096)),
		"holds no URL":                                   token("https://%zz"),
		"URL is not one of STS":                          changed(".com/?", ".com/path?"),
		`"X-Amz-Target": not a parameter`:                token(request + "&X-Amz-Target=x"),
		`"Action": given more than once`:                 token(request + "&Action=AssumeRole"),
		`given more than once`:                           token(request + "&action=AssumeRole"),
		`"x-amz-signature": missing`:                     changed("&X-Amz-Signature=", "&X-Amz-Security-Token="),
		`asks STS for "AssumeRole"`:                      changed("GetCallerIdentity", "AssumeRole"),
		`signed by "AWS4-ECDSA"`:                         changed("AWS4-HMAC-SHA256", "AWS4-ECDSA"),
		"credential is not for STS":                      changed("%2Fsts%2F", "%2Fiam%2F"),
		"date is not that of its credential":             changed("X-Amz-Date=20261126", "X-Amz-Date=20261127"),
		`expires after "901" seconds`:                    changed("Expires=60", "Expires=901"),
		`expires after "0" seconds`:                      changed("Expires=60", "Expires=0"),
		"does not sign host and x-k8s-aws-id":            changed("host%3Bx-k8s-aws-id", "host"),
		"does not sign host and x-k8s-aws-id: it may be": changed("host%3Bx-k8s-aws-id", "x-k8s-aws-id"),
		"without a signature":                            changed("0d003654", "0D003654"),
		"a token whose URL is not one of STS":            changed("https://", "ftp://"),
	} {
		if _, err := authn.ParseToken(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAge(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0: "", 15 * time.Minute: "", -5 * time.Minute: "",
		15*time.Minute + time.Second: "signed 15m1s ago", -5*time.Minute - time.Second: "signed 5m1s in the future",
	} {
		err := authn.Token{Signed: signed}.CheckAge(signed.Add(after))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("after %s: %v, want %q", after, err, want)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	for _, seed := range []string{request, "", "https://", request + "&Action=", "https://u@h/?a=%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, request string) {
		got, err := authn.ParseToken(token(request))
		if err != nil {
			return
		}
		if got.AccessKey == "" || got.Region == "" || got.Signed.IsZero() ||
			!strings.Contains(strings.ToLower(request), "action=getcalleridentity") {
			t.Errorf("%q is taken as %v", request, got)
		}
	})
}
