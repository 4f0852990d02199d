package emulatortest

import (
	"fmt"
	"net/http"
	"net/url"

	"dip/local/emulator"
)

// PutRole creates a role that functions and workflows can name, through IAM's query API, and returns its ARN.
func PutRole(e *emulator.Emulator, name string) (string, error) {
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name},
		"AssumeRolePolicyDocument": {`{"Version":"2012-10-17","Statement":[]}`}}
	req, err := http.NewRequest(http.MethodPost, e.Endpoint()+"/", nil)
	if err != nil {
		return "", fmt.Errorf("create role %s: %w", name, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := e.Key().Send(req, "iam", "us-east-1", []byte(form.Encode())); err != nil {
		return "", fmt.Errorf("create role %s: %w", name, err)
	}
	return "arn:aws:iam::123456789012:role/" + name, nil
}
