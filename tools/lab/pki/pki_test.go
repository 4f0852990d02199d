package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"dip/tools/lab/pki"
)

func certificate(t *testing.T, p pki.Pair) *x509.Certificate {
	t.Helper()
	if _, err := tls.X509KeyPair(p.Cert, p.Key); err != nil {
		t.Fatalf("key and certificate do not belong together: %v", err)
	}
	block, _ := pem.Decode(p.Cert)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func must(t *testing.T) func(pki.Pair, error) *x509.Certificate {
	return func(p pki.Pair, err error) *x509.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return certificate(t, p)
	}
}

func TestCertificatesAreGoodForWhatTheyAreFor(t *testing.T) {
	a, err := pki.NewAuthority("a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewAuthority("a")
	if err != nil {
		t.Fatal(err)
	}
	server, peer, client := must(t)(a.Server("s", "127.0.0.1", "localhost")), must(t)(a.Peer("p",
		"localhost")), must(t)(a.Client("c", "system:masters"))
	if client.Subject.CommonName != "c" || client.Subject.Organization[0] != "system:masters" {
		t.Errorf("the client is %v", client.Subject)
	}
	for name, c := range map[string]struct {
		certificate *x509.Certificate
		authority   *pki.Authority
		host        string
		usage       x509.ExtKeyUsage
		ok          bool
	}{
		"a server":                    {server, a, "127.0.0.1", x509.ExtKeyUsageServerAuth, true},
		"a server by name":            {server, a, "localhost", x509.ExtKeyUsageServerAuth, true},
		"a server elsewhere":          {server, a, "example.com", x509.ExtKeyUsageServerAuth, false},
		"a server is not a client":    {server, a, "", x509.ExtKeyUsageClientAuth, false},
		"a server of somebody else's": {server, other, "localhost", x509.ExtKeyUsageServerAuth, false},
		"a client":                    {client, a, "", x509.ExtKeyUsageClientAuth, true},
		"a client is not a server":    {client, a, "", x509.ExtKeyUsageServerAuth, false},
		"a peer serves":               {peer, a, "localhost", x509.ExtKeyUsageServerAuth, true},
		"a peer asks":                 {peer, a, "", x509.ExtKeyUsageClientAuth, true},
	} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(c.authority.Cert)
		_, err := c.certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: c.host,
			KeyUsages: []x509.ExtKeyUsage{c.usage}})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
