package config

import (
	"strings"
	"testing"
)

const (
	certificate = `"certificate": "arn:aws:acm:us-east-1:111122223333:certificate/1"`
	reachable   = `"cluster": {"privateAccess": true, "digestsOnly": false}, `
)

// A gateway is there where records can be sent to it: a function, or pods behind a load balancer with a certificate.
func TestGatewayDefaults(t *testing.T) {
	for _, c := range []struct {
		name, environment, members, trips string
		cluster, function                 bool
	}{
		{"files", "small", ``, ``, false, false},
		{"stream", "small", ``, byStream(""), false, true},
		{"stream of CSV", "small", ``, `"arrival": "stream"`, false, false},
		{"on this machine", "local", ``, byStream(""), false, false},
		{"on this machine, asked for", "local", `"gateway": {"enabled": true}`, byStream(""), false, true},
		{"off", "small", `"gateway": {"enabled": false}`, byStream(""), false, false},
		{"off, with a certificate", "dev", reachable + `"gateway": {"enabled": false, ` + certificate + `}`, byStream(""),
			false, false},
		{"certificate", "dev", reachable + `"gateway": {` + certificate + `}`, byStream(""), true, false},
	} {
		s, err := parse(t, stack(c.environment, c.members, c.trips))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.GatewayOnCluster() != c.cluster || s.GatewayIsFunction() != c.function {
			t.Errorf("%s: on the cluster %t, a function %t", c.name, s.GatewayOnCluster(), s.GatewayIsFunction())
		}
		if c.cluster && (len(s.Gateway.CIDRs) != 1 || s.Gateway.CIDRs[0] != s.Network.CIDR) {
			t.Errorf("%s: %q may connect, want the network", c.name, s.Gateway.CIDRs)
		}
	}
}

func TestGatewayRules(t *testing.T) {
	for _, c := range []struct{ name, environment, gateway, trips, want string }{
		{"nothing to send to", "dev", `"enabled": true`, ``,
			`gateway.enabled: true, but no segment's JSON records arrive by`},
		{"public function", "dev", `"public": true`, byStream(""), `gateway.public: true, but without gateway.certificate`},
		{"small function", "dev", `"function": {"memoryMB": 128}`, byStream(""),
			`gateway.function.memoryMB: 128: want at least`},
		{"log retention", "dev", `"function": {"logRetentionDays": 10}`, byStream(""),
			`gateway.function.logRetentionDays: 10:`},
		{"certificate", "dev", `"certificate": "mine"`, byStream(""), `gateway.certificate: "mine" is not the ARN`},
		{"no cluster", "small", certificate, byStream(""),
			`gateway.certificate: the pods behind a load balancer run on the`},
		{"host", "dev", certificate + `, "host": "https://x"`, byStream(""),
			`gateway.host: "https://x" is not a host name`},
		{"group", "dev", certificate + `, "group": "x"`, byStream(""), `gateway.group: "x": want one of the node groups`},
		{"size", "dev", certificate + `, "milliCPU": 9000`, byStream(""),
			`gateway.group: 9000 mCPU and 512 MiB do not fit`},
		{"spot", "dev", certificate + `, "grace": "91s"`, byStream(""),
			`gateway.grace: 1m31s: want at most 1m30s: nodeGroups.`},
		{"short grace", "dev", certificate + `, "grace": "59s"`, byStream(""), `gateway.grace: 59s: want 1m to 15m`},
		{"numbers", "dev", certificate + `, "min": 5`, byStream(""), `gateway.min: 5: want 2 to 4`},
		{"buffer", "dev", certificate + `, "bufferMB": 257`, byStream(""), `gateway.bufferMB: 257: want at most half of`},
		{"public to nobody", "dev", certificate + `, "public": true`, byStream(""),
			`gateway.cidrs: none: want the addresses`},
		{"address", "dev", certificate + `, "cidrs": ["10.0.0.1/8"]`, byStream(""),
			`gateway.cidrs[0]: "10.0.0.1/8": want a`},
		{"IPv6", "dev", certificate + `, "cidrs": ["fd00::/8"]`, byStream(""),
			`gateway.cidrs[0]: "fd00::/8": want a block of`},
	} {
		members := `"gateway": {` + c.gateway + `}`
		if c.environment == "dev" {
			members = reachable + members
		}
		_, err := parse(t, stack(c.environment, members, c.trips))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
	}
}

// All may connect when that is said.
func TestGatewayForEverybody(t *testing.T) {
	s, err := parse(t, stack("dev", reachable+`"gateway": {"public": true, "cidrs": ["0.0.0.0/0"], `+certificate+`}`,
		byStream("")))
	if err != nil || !s.GatewayOnCluster() {
		t.Error(err)
	}
}
