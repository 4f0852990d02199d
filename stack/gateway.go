package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/balancer"
	"dip/components/component"
	"dip/components/function"
	"dip/components/policy"
	"dip/components/secret"
	"dip/config"
	"dip/contract"
	"dip/k8s"
	"dip/k8s/gateway"
)

// Gateway is what takes records over HTTP.
type Gateway struct {
	outputs contract.GatewayOutputs[pulumi.StringInput]
	tokens  *secret.Secret // nil: it is a function
}

// noProducers is the tokens' document of a gateway that nobody may send to yet.
const noProducers = `{"producers":{}}`

// NewGateway declares the gateway's function with its URL; or, where its pods run on the cluster, the secret with the
// producers' tokens. Nil: the stack has no gateway.
func NewGateway(ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments) (*Gateway, error) {
	switch {
	case s.GatewayIsFunction():
		return newGatewayFunction(ctx, s, st, segments)
	case !s.GatewayOnCluster():
		return nil, nil
	}
	tokens, err := secret.New(ctx, "gateway-tokens", &secret.Args{
		Description: "Producers that may send records, and the hashes of their tokens", Empty: noProducers,
		Disposable: s.Environment.Disposable(), Protect: !s.Environment.Disposable(),
	})
	if err != nil {
		return nil, err
	}
	g := &Gateway{tokens: tokens}
	g.outputs.Tokens = input(tokens.ARN)
	return g, nil
}

func newGatewayFunction(ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments) (*Gateway, error) {
	made, err := s.newFunction(ctx, contract.Gateway, s.Gateway.Function, &function.Args{
		Env: contract.GatewayFunctionEnv[pulumi.StringInput]{
			Common:  st.common(s, s.functions[contract.Gateway].Code),
			Catalog: segments.Catalog.Key, LandingBucket: st.Landing.Name,
		},
		Allow: segments.takeRecords(st),
	})
	if err != nil {
		return nil, err
	}
	url, err := made.Serve(ctx)
	g := &Gateway{}
	g.outputs.URL = url.ApplyT(func(url string) string { return strings.TrimSuffix(url, "/") }).(pulumi.StringOutput)
	return g, err
}

// takeRecords is what the gateway may do: read the catalog, put records into each stream, and whole loads of the other
// segments into the landing bucket.
func (all *Segments) takeRecords(st *Storage) []policy.Statement {
	allowed := st.Lake.Read(contract.CatalogPrefix)
	if len(all.ByName) > 0 {
		var prefixes []string
		for _, name := range slices.Sorted(maps.Keys(all.ByName)) {
			prefixes = append(prefixes, name+"/")
		}
		allowed = policy.All(allowed, st.Landing.Write(prefixes...))
	}
	for _, name := range slices.Sorted(maps.Keys(all.Streams)) {
		allowed = append(allowed, all.Streams[name].Produce()...)
	}
	return allowed
}

// Run declares the pods on the cluster, and the load balancer before them. A gateway that is a function has none.
func (g *Gateway) Run(
	ctx *pulumi.Context, s *Setup, st *Storage, segments *Segments, c *Cluster, controllers *Controllers,
) error {
	if g == nil || g.tokens == nil {
		return nil
	}
	rights, err := c.identity(ctx, k8s.Workloads, gateway.Account,
		policy.All(g.tokens.Read(), segments.takeRecords(st)), s.Cluster.LogDays)
	if err != nil {
		return err
	}
	_, err = gateway.New(ctx, "gateway-pods", &gateway.Args{
		Settings: s.Gateway, Image: c.Pushed, LogGroup: rights.LogGroup, Region: s.Region, Place: s.place(s.Gateway.Group),
		Env: contract.GatewayEnv[pulumi.StringInput]{
			Common: c.common(s, st, gateway.Program), Catalog: segments.Catalog.Key, LandingBucket: st.Landing.Name,
			Tokens: g.tokens.ARN,
		},
		After: slices.Concat(rights.Ready, g.tokens.Ready, controllers.Ready),
	}, c.inCluster())
	if err != nil {
		return err
	}
	return g.balance(ctx, s, c)
}

// balance declares the load balancer. It is destroyed before the network is: its addresses are in there.
func (g *Gateway) balance(ctx *pulumi.Context, s *Setup, c *Cluster) error {
	subnets := c.Network.Private
	if s.Gateway.Public {
		subnets = c.Network.Public
	}
	made, err := balancer.New(ctx, "gateway", &balancer.Args{
		VPC: c.Network.VPC.ToStringOutput(), Subnets: subnets, Public: s.Gateway.Public, CIDRs: s.Gateway.CIDRs,
		Certificate: s.Gateway.Certificate, NodePort: config.GatewayNodePort, HealthPath: gateway.HealthPath,
		Drain: s.Gateway.Grace, NodeSecurityGroup: c.Control.SecurityGroup,
		Groups:  map[string]pulumi.StringInput{s.Gateway.Group: c.Groups[s.Gateway.Group].AutoScalingGroup},
		Protect: !s.Environment.Disposable(),
	}, component.After(c.Network.Ready...))
	if err != nil {
		return err
	}
	g.outputs.Balancer = input(made.Name)
	g.outputs.URL = pulumi.Sprintf("https://%s", made.Name)
	if s.Gateway.Host != "" {
		g.outputs.URL = pulumi.String("https://" + s.Gateway.Host)
	}
	return nil
}

func input(value pulumi.StringInput) *pulumi.StringInput { return &value }
