package runner

import (
	"fmt"
	"net/http"
	"net/url"

	"dip/local/emulator"
)

// putRole creates the role that functions name, through IAM's query API.
func putRole(e *emulator.Emulator) error {
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"runner-test"},
		"AssumeRolePolicyDocument": {`{"Version":"2012-10-17","Statement":[]}`}}
	req, err := http.NewRequest(http.MethodPost, e.Endpoint()+"/", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := e.Key().Send(req, "iam", "us-east-1", []byte(form.Encode())); err != nil {
		return fmt.Errorf("create role: %w", err)
	}
	return nil
}
