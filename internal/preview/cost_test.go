package preview

import (
	"math"
	"testing"

	"dip/config"
)

// Each item of the bill, from resources as an engine records them.
func TestIdle(t *testing.T) {
	p := config.ListPrices()
	const month = config.HoursPerMonth
	group := func(kind string, inputs map[string]any) State { return State{Type: kind, Parent: "g", Inputs: inputs} }
	template := group(templateType, map[string]any{
		"blockDeviceMappings": []any{map[string]any{"ebs": map[string]any{"volumeSize": 50.0}}},
	})
	window := group(windowType, map[string]any{"minSize": 3.0})
	managed := func(bought string) State {
		return group(managedType, map[string]any{"instanceTypes": []any{"m7g.large"}, "capacityType": bought,
			"scalingConfig": map[string]any{"minSize": 2.0}})
	}
	scaling := func(percent float64) State {
		return group(scalingType, map[string]any{"minSize": 1.0, "mixedInstancesPolicy": map[string]any{
			"instancesDistribution": map[string]any{"onDemandPercentageAboveBaseCapacity": percent},
			"launchTemplate":        map[string]any{"overrides": []any{map[string]any{"instanceType": "m7g.large"}}},
		}})
	}
	node, volume := p.InstanceHour["m7g.large"]*month, 50*p.VolumeGBMonth
	for _, c := range []struct {
		name   string
		states []State
		item   string
		want   float64
	}{
		{"cluster", []State{{Type: clusterType}}, itemCluster, p.ClusterHour * month},
		{"gateways", []State{{Type: gatewayType}, {Type: gatewayType}}, itemGateways,
			2 * (p.NATHour + p.PublicAddressHour) * month},
		{"endpoint", []State{{Type: endpointType, Inputs: map[string]any{
			"vpcEndpointType": "Interface", "subnetIds": []any{"a", "b"},
		}}}, itemEndpoints, 2 * p.EndpointZoneHour * month},
		{"endpoint in subnets that are not created yet", []State{{Type: endpointType, Inputs: map[string]any{
			"vpcEndpointType": "Interface", "subnetIds": Unknown,
		}, Dependencies: map[string][]string{"subnetIds": {"a", "b", "c"}}}}, itemEndpoints,
			3 * p.EndpointZoneHour * month},
		{"gateway endpoint", []State{{Type: endpointType, Inputs: map[string]any{"vpcEndpointType": "Gateway"}}},
			itemEndpoints, 0},
		{"key", []State{{Type: keyType}}, itemKeys, p.KeyMonth},
		{"dashboard", []State{{Type: boardType}}, itemDashboard, p.DashboardMonth},
		{"alarms", []State{{Type: alarmType}, {Type: pageType}}, itemAlarms, p.AlarmMonth + p.CompositeMonth},
		{"alarm of two metrics and an expression", []State{{Type: alarmType, Inputs: map[string]any{"metricQueries": []any{
			map[string]any{"metric": map[string]any{}}, map[string]any{"metric": map[string]any{}},
			map[string]any{"expression": "a/b"},
		}}}}, itemAlarms, 2 * p.AlarmMonth},
		{"spot", []State{template, managed("SPOT")}, itemNodes, 2 * (node*p.SpotShare + volume)},
		{"on-demand", []State{managed("ON_DEMAND"), template}, itemNodes, 2 * (node + volume)},
		{"largest minimum", []State{window, managed("ON_DEMAND"), template}, itemNodes, 3 * (node + volume)},
		{"own group", []State{scaling(0), template}, itemNodes, node*p.SpotShare + volume},
		{"own group, on-demand", []State{template, scaling(100)}, itemNodes, node + volume},
		{"gateway", []State{{Type: balancerType}, {Type: secretType}}, itemGateway, p.BalancerHour*month + p.SecretMonth},
		{"free", []State{{Type: "aws:sqs/queue:Queue"}}, itemKeys, 0},
	} {
		if got := Idle(c.states, p)[c.item]; math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: $%v, want $%v", c.name, got, c.want)
		}
	}
}

// What comes costs, what goes does not any more, and of a preview that stopped nothing is known.
func TestCost(t *testing.T) {
	p := config.ListPrices()
	d := Document{Steps: []Step{
		step("create", boardType, "b", nil, nil), step("delete", keyType, "k", nil, nil),
		step("same", keyType, "s", nil, nil),
	}, Summary: map[string]int{"same": 1, "create": 1, "delete": 1}}
	c := d.cost(p)
	if c == nil || c.Before != 2*p.KeyMonth || c.After != p.KeyMonth+p.DashboardMonth || c.Lines[0].Item != itemDashboard {
		t.Fatalf("%+v", c)
	}
	d.Diagnostics = []Diagnostic{{Severity: "error", Message: "error: no"}}
	if c := d.cost(p); c != nil {
		t.Errorf("%+v of a preview that failed", c)
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		before, after float64
		want          string
	}{
		{10, 12.5, "$12.50 a month, $2.50 more"}, {10, 8, "$8.00 a month, $2.00 less"},
		{10, 10.001, "$10.00 a month, as before"},
	} {
		if got := difference(c.before, c.after); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
