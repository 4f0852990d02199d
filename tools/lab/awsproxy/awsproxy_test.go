package awsproxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/tools/lab/awsproxy"
)

// start returns a client of a proxy in front of a server that echoes requests.
func start(t *testing.T) *http.Client {
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.Host, r.URL, " ", string(body), err)
	}))
	t.Cleanup(emulator.Close)
	p, err := awsproxy.Start(emulator.URL, filepath.Join(t.TempDir(), "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	env := p.Environment()
	if env[0] != "HTTPS_PROXY=http://"+p.Address || env[1] != "AWS_CA_BUNDLE="+p.CAFile {
		t.Errorf("environment is %v", env)
	}
	text, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("the CA file has no certificate")
	}
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.Address}), TLSClientConfig: &tls.Config{RootCAs: pool},
	}}
}

func TestNamesOfAWSLeadToTheEmulator(t *testing.T) {
	client := start(t)
	for _, host := range []string{"autoscaling.us-east-1.amazonaws.com", "autoscaling.us-east-1.amazonaws.com",
		"ec2.us-east-1.amazonaws.com"} {
		res, err := client.Post("https://"+host+"/a?b=c", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if want := "POST " + host + "/a?b=c body<nil>"; err != nil || string(text) != want {
			t.Errorf("got %s (%v), want %s", text, err, want)
		}
	}
}

func TestOtherNamesAreRefused(t *testing.T) {
	client := start(t)
	for _, target := range []string{"https://example.com/", "https://amazonaws.com.example.com/",
		"http://ec2.us-east-1.amazonaws.com/"} {
		res, err := client.Get(target)
		if err != nil { // the tunnel is refused
			if !strings.Contains(err.Error(), "Forbidden") {
				t.Errorf("%s: %v", target, err)
			}
			continue
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", target, res.Status)
		}
	}
}
