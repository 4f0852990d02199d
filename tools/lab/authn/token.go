package authn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The form of tokens. Source: aws-iam-authenticator, "API Authorization from Outside a Cluster".
const (
	tokenPrefix   = "k8s-aws-v1."
	tokenMaxBytes = 4096
	tokenLife     = 15 * time.Minute // from the signature on, whatever expiry the request states
	clockSkew     = 5 * time.Minute  // how far in the future a signature may lie
	clusterHeader = "x-k8s-aws-id"
	dateForm      = "20060102T150405Z"
)

// Token is a presigned request to STS, GetCallerIdentity, which proves who signed it.
type Token struct {
	AccessKey string
	Region    string
	Signed    time.Time
	// Request is the signed request. Only STS can tell whether its signature is right.
	Request *url.URL
}

// The parameters of the request, in lower case: each appears once, and no other is allowed.
var (
	required = []string{"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
		"x-amz-signature", "x-amz-signedheaders"}
	optional = []string{"x-amz-security-token"}
)

var (
	signatureForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	credentialForm = regexp.MustCompile(`^([A-Za-z0-9]{1,128})/(\d{8})/([a-z0-9-]{1,32})/sts/aws4_request$`)
)

// ParseToken reads a token and checks everything that can be checked offline, except for its age.
func ParseToken(text string) (Token, error) {
	if len(text) > tokenMaxBytes {
		return Token{}, fmt.Errorf("a token of %d bytes, want at most %d", len(text), tokenMaxBytes)
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return Token{}, fmt.Errorf("a token that does not begin with %s", tokenPrefix)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return Token{}, fmt.Errorf("a token that is not base64url: %w", err)
	}
	request, err := url.Parse(string(decoded))
	if err != nil {
		return Token{}, errors.New("a token that holds no URL")
	}
	if request.Scheme != "https" && request.Scheme != "http" || request.User != nil ||
		strings.Trim(request.Path, "/") != "" || request.Fragment != "" {
		return Token{}, errors.New("a token whose URL is not one of STS")
	}
	query, err := single(request.RawQuery)
	if err != nil {
		return Token{}, fmt.Errorf("a token whose query is wrong: %w", err)
	}
	token, err := parseQuery(query)
	token.Request = request
	return token, err
}

// single reads a query in which each parameter is given once. Names are returned in lower case.
func single(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	query := map[string]string{}
	for name, list := range values {
		lower := strings.ToLower(name)
		_, twice := query[lower]
		switch {
		case !slices.Contains(required, lower) && !slices.Contains(optional, lower):
			return nil, fmt.Errorf("%q: not a parameter of such a request", name)
		case twice || len(list) != 1:
			return nil, fmt.Errorf("%q: given more than once", name)
		}
		query[lower] = list[0]
	}
	for _, name := range required {
		if query[name] == "" {
			return nil, fmt.Errorf("%q: missing", name)
		}
	}
	return query, nil
}

func parseQuery(query map[string]string) (Token, error) {
	credential := credentialForm.FindStringSubmatch(query["x-amz-credential"])
	signed, err := time.Parse(dateForm, query["x-amz-date"])
	expires, expiresErr := strconv.Atoi(query["x-amz-expires"])
	headers := strings.Split(query["x-amz-signedheaders"], ";")
	switch {
	case query["action"] != "GetCallerIdentity":
		return Token{}, fmt.Errorf("a token that asks STS for %q", query["action"])
	case query["x-amz-algorithm"] != "AWS4-HMAC-SHA256":
		return Token{}, fmt.Errorf("a token signed by %q", query["x-amz-algorithm"])
	case credential == nil:
		return Token{}, errors.New("a token whose credential is not for STS")
	case err != nil || signed.Format("20060102") != credential[2]:
		return Token{}, errors.New("a token whose date is not that of its credential")
	case expiresErr != nil || expires < 1 || time.Duration(expires)*time.Second > tokenLife:
		return Token{}, fmt.Errorf("a token that expires after %q seconds", query["x-amz-expires"])
	case !slices.Contains(headers, "host") || !slices.Contains(headers, clusterHeader):
		return Token{}, fmt.Errorf("a token that does not sign host and %s: it may be for another cluster", clusterHeader)
	case !signatureForm.MatchString(query["x-amz-signature"]):
		return Token{}, errors.New("a token without a signature")
	}
	return Token{AccessKey: credential[1], Region: credential[3], Signed: signed}, nil
}

// CheckAge says whether the token is valid now.
func (t Token) CheckAge(now time.Time) error {
	switch age := now.Sub(t.Signed); {
	case age > tokenLife:
		return fmt.Errorf("a token signed %s ago, want at most %s", age.Round(time.Second), tokenLife)
	case age < -clockSkew:
		return fmt.Errorf("a token signed %s in the future", (-age).Round(time.Second))
	}
	return nil
}
