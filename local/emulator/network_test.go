package emulator_test

import "testing"

func TestDeletedGatewayAndEndpointLeaveNothing(t *testing.T) {
	t.Parallel()
	subnet := fourZones(t)[0]
	var address struct {
		ID string `xml:"allocationId"`
	}
	ok(t, call(t, "ec2", "AllocateAddress", map[string]string{"Domain": "vpc"}, &address))
	var gateway struct {
		ID  string `xml:"natGateway>natGatewayId"`
		VPC string `xml:"natGateway>vpcId"`
	}
	ok(t, call(t, "ec2", "CreateNatGateway", map[string]string{"SubnetId": subnet, "AllocationId": address.ID}, &gateway))
	var endpoint struct {
		ID string `xml:"vpcEndpoint>vpcEndpointId"`
	}
	ok(t, call(t, "ec2", "CreateVpcEndpoint",
		map[string]string{"VpcId": gateway.VPC, "ServiceName": "com.amazonaws.us-east-1.s3", "VpcEndpointType": "Gateway"},
		&endpoint))

	interfaces := func() (found struct {
		IDs []string `xml:"networkInterfaceSet>item>networkInterfaceId"`
	}) {
		t.Helper()
		ok(t, call(t, "ec2", "DescribeNetworkInterfaces",
			map[string]string{"Filter.1.Name": "subnet-id", "Filter.1.Value.1": subnet}, &found))
		return found
	}
	if got := interfaces().IDs; len(got) != 1 {
		t.Fatalf("the gateway's network interface: %q", got)
	}
	ok(t, call(t, "ec2", "DeleteNatGateway", map[string]string{"NatGatewayId": gateway.ID}, nil))
	ok(t, call(t, "ec2", "DeleteVpcEndpoints", map[string]string{"VpcEndpointId.1": endpoint.ID}, nil))
	if got := interfaces().IDs; len(got) != 0 {
		t.Errorf("the deleted gateway leaves its network interface %q", got)
	}
	var addresses struct {
		Associations []string `xml:"addressesSet>item>associationId"`
	}
	ok(t, call(t, "ec2", "DescribeAddresses", map[string]string{"AllocationId.1": address.ID}, &addresses))
	if len(addresses.Associations) != 0 && addresses.Associations[0] != "" {
		t.Errorf("its address is still associated: %q", addresses.Associations)
	}
	refused(t, call(t, "ec2", "DescribeVpcEndpoints", map[string]string{"VpcEndpointId.1": endpoint.ID}, nil), endpoint.ID)
}
