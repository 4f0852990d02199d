// Package awsapi is a client of the emulator. It speaks two of AWS's protocols, which is all that the lab needs: the
// SDK's package for EC2 alone takes longer to compile than everything else here.
package awsapi

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dip/local/emulator"
)

// Client sends requests to an emulator.
type Client struct {
	// Endpoint is the emulator's URL.
	Endpoint string
	Region   string
	// Key identifies the caller.
	Key emulator.Key
}

// versions of the services' query APIs.
var versions = map[string]string{
	"autoscaling": "2011-01-01", "ec2": "2016-11-15", "elasticloadbalancing": "2015-12-01", "sts": "2011-06-15",
}

// Query calls an action of a service with a query API and reads the answer, which is XML, into out.
func (c Client) Query(ctx context.Context, service, action string, parameters map[string]string, out any) error {
	form := url.Values{"Action": {action}, "Version": {versions[service]}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	text, err := c.ask(ctx, service, http.MethodPost, "/", form.Encode(), "application/x-www-form-urlencoded")
	if err == nil {
		err = xml.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, action, err)
	}
	return nil
}

// Get reads a resource of a service with a REST API, which is JSON, into out. Parts of the path are escaped already.
func (c Client) Get(ctx context.Context, service, path string, out any) error {
	text, err := c.ask(ctx, service, http.MethodGet, path, "", "")
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, path, err)
	}
	return nil
}

// IsNotFound reports whether a resource does not exist.
func IsNotFound(err error) bool {
	var status *emulator.StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

func (c Client) ask(ctx context.Context, service, method, path, body, contentType string) (text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Endpoint+path, nil)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return c.Key.Send(req, service, c.Region, []byte(body))
}

// IsGone reports whether an instance no longer exists.
func IsGone(err error) bool {
	var status *emulator.StatusError
	return errors.As(err, &status) && strings.Contains(status.Text, "InvalidInstanceID")
}
