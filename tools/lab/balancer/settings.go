package balancer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dip/tools/lab/awsapi"
)

// settings are how a load balancer is configured.
type settings struct {
	tls         bool // its listener ends TLS
	targetGroup string
	health      health
	// drain is how long a target that is deregistered keeps its connections, if cutAfter says that it loses them then.
	drain    time.Duration
	cutAfter bool
	// cutUnhealthy says that a target which becomes unhealthy loses its connections.
	cutUnhealthy bool
}

// health is how targets are asked for their health.
type health struct {
	path, code        string // code is the status of a good answer
	interval, timeout time.Duration
	healthyAt, illAt  int // answers in a row
}

// service is the name in signatures, and in the client's table of versions.
const service = "elasticloadbalancing"

// read reads the settings of the load balancer with a DNS name, which has one listener that forwards to one target
// group.
func read(ctx context.Context, aws awsapi.Client, name string) (settings, error) {
	var balancers struct {
		List []struct {
			ARN  string `xml:"LoadBalancerArn"`
			Name string `xml:"DNSName"`
			Type string `xml:"Type"`
		} `xml:"DescribeLoadBalancersResult>LoadBalancers>member"`
	}
	if err := aws.Query(ctx, service, "DescribeLoadBalancers", nil, &balancers); err != nil {
		return settings{}, err
	}
	for _, b := range balancers.List {
		if b.Name != name {
			continue
		}
		if b.Type != "network" {
			return settings{}, fmt.Errorf("load balancer %s is of type %s: want network", name, b.Type)
		}
		s, err := readListener(ctx, aws, b.ARN)
		if err != nil {
			return settings{}, fmt.Errorf("load balancer %s: %w", name, err)
		}
		return s, nil
	}
	return settings{}, fmt.Errorf("no load balancer has the name %s", name)
}

func readListener(ctx context.Context, aws awsapi.Client, arn string) (settings, error) {
	var listeners struct {
		List []struct {
			Protocol string `xml:"Protocol"`
			Actions  []struct {
				Type        string `xml:"Type"`
				TargetGroup string `xml:"TargetGroupArn"`
			} `xml:"DefaultActions>member"`
		} `xml:"DescribeListenersResult>Listeners>member"`
	}
	if err := aws.Query(ctx, service, "DescribeListeners", map[string]string{"LoadBalancerArn": arn},
		&listeners); err != nil {
		return settings{}, err
	}
	if len(listeners.List) != 1 || len(listeners.List[0].Actions) != 1 {
		return settings{}, errors.New("want one listener with one action")
	}
	l := listeners.List[0]
	if l.Protocol != "TLS" && l.Protocol != "TCP" || l.Actions[0].Type != "forward" {
		return settings{}, fmt.Errorf("a listener of protocol %s that does %s: want TLS or TCP, and forward", l.Protocol,
			l.Actions[0].Type)
	}
	s := settings{tls: l.Protocol == "TLS", targetGroup: l.Actions[0].TargetGroup}
	if err := s.readHealth(ctx, aws); err != nil {
		return settings{}, err
	}
	return s, s.readAttributes(ctx, aws)
}

func (s *settings) readHealth(ctx context.Context, aws awsapi.Client) error {
	var groups struct {
		List []struct {
			Type      string `xml:"TargetType"`
			Protocol  string `xml:"HealthCheckProtocol"`
			Path      string `xml:"HealthCheckPath"`
			Interval  int    `xml:"HealthCheckIntervalSeconds"`
			Timeout   int    `xml:"HealthCheckTimeoutSeconds"`
			Healthy   int    `xml:"HealthyThresholdCount"`
			Unhealthy int    `xml:"UnhealthyThresholdCount"`
			Code      string `xml:"Matcher>HttpCode"`
		} `xml:"DescribeTargetGroupsResult>TargetGroups>member"`
	}
	if err := aws.Query(ctx, service, "DescribeTargetGroups", map[string]string{"TargetGroupArns.member.1": s.targetGroup},
		&groups); err != nil {
		return err
	}
	if len(groups.List) != 1 {
		return fmt.Errorf("target group %s is described %d times", s.targetGroup, len(groups.List))
	}
	g := groups.List[0]
	s.health = health{
		path: g.Path, interval: time.Duration(g.Interval) * time.Second, timeout: time.Duration(g.Timeout) * time.Second,
		healthyAt: g.Healthy, illAt: g.Unhealthy, code: g.Code,
	}
	if g.Type != "instance" || g.Protocol != "HTTP" || min(g.Interval, g.Timeout, g.Healthy, g.Unhealthy) < 1 {
		return fmt.Errorf("target group %+v: want instances whose health is asked for by HTTP", g)
	}
	return nil
}

func (s *settings) readAttributes(ctx context.Context, aws awsapi.Client) error {
	var answer struct {
		List []struct {
			Key   string `xml:"Key"`
			Value string `xml:"Value"`
		} `xml:"DescribeTargetGroupAttributesResult>Attributes>member"`
	}
	if err := aws.Query(ctx, service, "DescribeTargetGroupAttributes",
		map[string]string{"TargetGroupArn": s.targetGroup}, &answer); err != nil {
		return err
	}
	// The defaults of a Network Load Balancer's target group ("Edit target group attributes").
	attributes := map[string]string{
		"deregistration_delay.timeout_seconds":                         "300",
		"deregistration_delay.connection_termination.enabled":          "false",
		"target_health_state.unhealthy.connection_termination.enabled": "true",
	}
	for _, a := range answer.List {
		attributes[a.Key] = a.Value
	}
	seconds, err := strconv.Atoi(attributes["deregistration_delay.timeout_seconds"])
	if err != nil {
		return fmt.Errorf("the deregistration delay of target group %s: %w", s.targetGroup, err)
	}
	on := func(name string) bool { return strings.EqualFold(attributes[name], "true") }
	s.drain = time.Duration(seconds) * time.Second
	s.cutAfter = on("deregistration_delay.connection_termination.enabled")
	s.cutUnhealthy = on("target_health_state.unhealthy.connection_termination.enabled")
	return nil
}

// registered are the instances of a target group.
func registered(ctx context.Context, aws awsapi.Client, group string) ([]string, error) {
	var answer struct {
		IDs []string `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member>Target>Id"`
	}
	err := aws.Query(ctx, service, "DescribeTargetHealth", map[string]string{"TargetGroupArn": group}, &answer)
	return answer.IDs, err
}
