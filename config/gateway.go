package config

import (
	"fmt"
	"regexp"
	"slices"

	"dip/contract"
)

// Gateway is the settings of what takes records over HTTP for the segments' streams.
type Gateway struct {
	// by default where JSON records arrive by stream; on local, the command line runs it instead
	Enabled *bool `json:"enabled"`
	// ARN of the ACM certificate of a load balancer before pods on the cluster; "": a function with a URL of its own,
	// whose callers sign their requests with their rights in AWS
	Certificate string `json:"certificate"`
	// name that the certificate is for, for which you point a DNS record to the load balancer; "": the load balancer's
	Host string `json:"host"`
	// the load balancer has public addresses; cidrs says who may connect
	Public bool `json:"public"`
	// addresses that may connect to the load balancer, such as "10.0.0.0/8"; default network.cidr, unless it is public
	CIDRs []string `json:"cidrs"`

	Group    string `json:"group"`                          // node group of the pods
	MilliCPU int    `json:"milliCPU" limits:"100..192000"`  // request of a pod
	MemoryMB int    `json:"memoryMB" limits:"256..1572864"` // request and limit of a pod, MiB
	// what bodies and unanswered records may take of a pod's memory, MiB; what does not fit is answered 429
	BufferMB int `json:"bufferMB" limits:"64..786432"`
	Min      int `json:"min" limits:"2..1000"` // minimum number of pods
	Max      int `json:"max" limits:"2..1000"` // maximum number of pods
	// share of a pod's milliCPU above which pods are added, percent
	TargetCPUPercent int `json:"targetCPUPercent" limits:"10..100"`
	// from SIGTERM to SIGKILL: a fifth until the load balancer has found another pod, a half until it has taken this one
	// out, a fifth for requests in flight
	Grace Duration `json:"grace" limits:"1m..15m"`

	Function Function `json:"function"` // where there is no certificate
}

// What pods and load balancer agree on: the port of the pods, and the one of each node that leads to them.
const (
	GatewayPort     = 8080
	GatewayNodePort = 30443
)

// GatewayHealth is how the load balancer learns that a node's pod is not ready: after so many answers in a row, asked
// for every so many seconds.
const GatewayHealthSeconds, GatewayHealthCount = 5, 2

func gatewayDefaults(e Environment) Gateway {
	return Gateway{
		Group: servicesGroup, MilliCPU: pick(e, 250, 250, 500, 1000), MemoryMB: pick(e, 512, 512, 1024, 2048),
		BufferMB: pick(e, 128, 128, 256, 512), Min: 2, Max: pick(e, 2, 4, 6, 20), TargetCPUPercent: 70, Grace: seconds(90),
		Function: Function{MemoryMB: 1024, Timeout: seconds(30), LogRetentionDays: logRetention(e)},
	}
}

// deriveGateway fills in what depends on other settings.
func (s *Stack) deriveGateway() {
	g := &s.Gateway
	if g.Enabled == nil {
		g.Enabled = new(s.Environment != Local && len(s.sentTo()) > 0)
	}
	if len(g.CIDRs) == 0 && !g.Public && s.Network.VPCID == "" && s.Network.CIDR != "" {
		g.CIDRs = []string{s.Network.CIDR}
	}
}

// sentTo are the segments whose records the gateway takes.
func (s *Stack) sentTo() []string {
	return slices.DeleteFunc(s.StreamNames(), func(name string) bool {
		return s.Segments[name].Encoding.Format != contract.NDJSON
	})
}

// GatewayOnCluster tells whether the gateway is pods behind a load balancer, and GatewayIsFunction whether it is a
// function.
func (s *Stack) GatewayOnCluster() bool { return *s.Gateway.Enabled && s.Gateway.Certificate != "" }

// GatewayIsFunction is described at GatewayOnCluster.
func (s *Stack) GatewayIsFunction() bool { return *s.Gateway.Enabled && s.Gateway.Certificate == "" }

var (
	certificateARN = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$`)
	hostName       = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
)

// minGatewayFunctionMB holds a few bodies of the six megabytes that a function gets, with what is made of them.
const minGatewayFunctionMB = 256

func (s *Stack) validateGateway(found *problems) {
	g := s.Gateway
	if !*g.Enabled {
		return
	}
	if len(s.sentTo()) == 0 {
		found.add("gateway.enabled", "true, but no segment's JSON records arrive by stream: set segments.<name>.arrival: "+
			"stream and encoding: ndjson for one, or remove it")
	}
	if g.Certificate == "" {
		g.Function.validateFunction("gateway.function", found)
		if g.Function.MemoryMB < minGatewayFunctionMB {
			found.add("gateway.function.memoryMB", "%d: want at least %d: it holds whole bodies", g.Function.MemoryMB,
				minGatewayFunctionMB)
		}
		if g.Public {
			found.add("gateway.public", "true, but without gateway.certificate there is no load balancer: the function's URL "+
				"can be reached by everybody whom IAM allows to call it")
		}
		return
	}
	if !certificateARN.MatchString(g.Certificate) {
		found.add("gateway.certificate", "%q is not the ARN of an ACM certificate", g.Certificate)
	}
	if g.Host != "" && !hostName.MatchString(g.Host) {
		found.add("gateway.host", "%q is not a host name such as ingest.example.com", g.Host)
	}
	if !s.Cluster.Enabled {
		found.add("gateway.certificate", "the pods behind a load balancer run on the cluster, but cluster.enabled is false: "+
			"remove it, and the gateway is a function with a URL")
		return
	}
	s.group("gateway", g.Group, g.MilliCPU, g.MemoryMB, found)
	if group, ok := s.NodeGroups[g.Group]; ok && group.Capacity == Spot && g.Grace > spotGrace {
		found.add("gateway.grace", "%s: want at most %s: nodeGroups.%s is spot, and a notice comes two minutes ahead",
			g.Grace, spotGrace, g.Group)
	}
	g.validate("gateway", found)
	g.validateAddresses(s.Network, found)
}

// spotGrace is what a pod may take of the two minutes of a spot notice: eviction begins some seconds later.
const spotGrace = Duration(90e9)

// validate checks the rules of the pods.
func (g Gateway) validate(path string, found *problems) {
	within(found, path+".min", g.Min, 2, max(g.Max, 2))
	if 2*g.BufferMB > g.MemoryMB {
		found.add(path+".bufferMB", "%d: want at most half of %s.memoryMB, %d", g.BufferMB, path, g.MemoryMB)
	}
	if least := seconds(5 * (GatewayHealthSeconds*GatewayHealthCount + 2)); g.Grace < least {
		found.add(path+".grace", "%s: want at least %s: the load balancer has a fifth of it to find another pod", g.Grace,
			least)
	}
}

// Validate reports every problem of the pods' settings, with path before their names.
func (g Gateway) Validate(path string) error {
	return check(path, g, func(found *problems) { g.validate(path, found) })
}

func (g Gateway) validateAddresses(n Network, found *problems) {
	for i, cidr := range g.CIDRs {
		if a, err := parsePrefix(cidr); err != nil || !a.Addr().Is4() {
			found.add(fmt.Sprintf("gateway.cidrs[%d]", i), "%q: want a block of IPv4 addresses such as 10.0.0.0/8", cidr)
		}
	}
	switch {
	case g.Public && len(g.CIDRs) == 0:
		found.add("gateway.cidrs", "none: want the addresses that may connect to a public load balancer; [\"0.0.0.0/0\"] "+
			"if all may")
	case len(g.CIDRs) == 0:
		found.add("gateway.cidrs", "none: the range of an existing VPC is not known here: want the addresses that may "+
			"connect")
	}
	if g.Public && n.VPCID != "" && len(n.PublicSubnets) == 0 {
		found.add("gateway.public", "true: a public load balancer needs network.publicSubnets")
	}
}
