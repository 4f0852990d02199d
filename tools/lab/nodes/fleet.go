package nodes

import (
	"context"
	"encoding/base64"
	"fmt"

	"dip/tools/lab/awsapi"
)

// fleet is the instances of a cluster, as EC2 reports them.
type fleet struct {
	aws     awsapi.Client
	cluster string
	types   map[string]Type
	zones   map[string]string // ids by name
	joins   map[string]Join   // by instance: user data never changes
}

type described struct {
	ID      string `xml:"instanceId"`
	State   string `xml:"instanceState>name"`
	Name    string `xml:"privateDnsName"`
	Address string `xml:"privateIpAddress"`
	Zone    string `xml:"placement>availabilityZone"`
	Type    string `xml:"instanceType"`
}

// running are the instances that run. They are recognized by the tag that every instance of a cluster has.
func (f *fleet) running(ctx context.Context) ([]Instance, error) {
	var answer struct {
		Instances []described `xml:"reservationSet>item>instancesSet>item"`
	}
	err := f.aws.Query(ctx, "ec2", "DescribeInstances", map[string]string{
		"Filter.1.Name": "tag-key", "Filter.1.Value.1": "kubernetes.io/cluster/" + f.cluster,
		"Filter.2.Name": "instance-state-name", "Filter.2.Value.1": "running",
	}, &answer)
	if err != nil {
		return nil, err
	}
	var instances []Instance
	for _, d := range answer.Instances {
		i, err := f.complete(ctx, d)
		if awsapi.IsGone(err) {
			continue // terminated meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("instance %s: %w", d.ID, err)
		}
		instances = append(instances, i)
	}
	return instances, nil
}

func (f *fleet) complete(ctx context.Context, d described) (Instance, error) {
	kind, err := f.kind(ctx, d.Type)
	if err != nil {
		return Instance{}, err
	}
	zone, err := f.zone(ctx, d.Zone)
	if err != nil {
		return Instance{}, err
	}
	join, err := f.join(ctx, d.ID)
	if err != nil {
		return Instance{}, err
	}
	return Instance{ID: d.ID, Name: d.Name, Address: d.Address, Zone: d.Zone, ZoneID: zone, Region: f.aws.Region,
		Type: kind, Join: join}, nil
}

// zone is the id of an availability zone.
func (f *fleet) zone(ctx context.Context, name string) (string, error) {
	if id, ok := f.zones[name]; ok {
		return id, nil
	}
	var answer struct {
		Zones []struct {
			Name string `xml:"zoneName"`
			ID   string `xml:"zoneId"`
		} `xml:"availabilityZoneInfo>item"`
	}
	if err := f.aws.Query(ctx, "ec2", "DescribeAvailabilityZones", nil, &answer); err != nil {
		return "", err
	}
	for _, z := range answer.Zones {
		f.zones[z.Name] = z.ID
	}
	if f.zones[name] == "" {
		return "", fmt.Errorf("EC2 has no availability zone %s", name)
	}
	return f.zones[name], nil
}

// architectures by the name that EC2 has for them.
var architectures = map[string]string{"x86_64": "amd64", "arm64": "arm64"}

func (f *fleet) kind(ctx context.Context, name string) (Type, error) {
	if t, ok := f.types[name]; ok {
		return t, nil
	}
	var answer struct {
		CPUs          int      `xml:"instanceTypeSet>item>vCpuInfo>defaultVCpus"`
		MemoryMiB     int      `xml:"instanceTypeSet>item>memoryInfo>sizeInMiB"`
		Interfaces    int      `xml:"instanceTypeSet>item>networkInfo>maximumNetworkInterfaces"`
		Addresses     int      `xml:"instanceTypeSet>item>networkInfo>ipv4AddressesPerInterface"`
		Architectures []string `xml:"instanceTypeSet>item>processorInfo>supportedArchitectures>item"`
	}
	if err := f.aws.Query(ctx, "ec2", "DescribeInstanceTypes", map[string]string{"InstanceType.1": name},
		&answer); err != nil {
		return Type{}, err
	}
	if answer.CPUs < 1 || answer.MemoryMiB < 1 || answer.Interfaces < 1 || len(answer.Architectures) == 0 {
		return Type{}, fmt.Errorf("EC2 does not report the size of %s", name)
	}
	// Old types, which run 32-bit code too, list several architectures: the last one is the 64-bit one.
	architecture := architectures[answer.Architectures[len(answer.Architectures)-1]]
	t := Type{Name: name, Architecture: architecture, CPUs: answer.CPUs, MemoryMiB: answer.MemoryMiB,
		Interfaces: answer.Interfaces, Addresses: answer.Addresses}
	f.types[name] = t
	return t, nil
}

func (f *fleet) join(ctx context.Context, id string) (Join, error) {
	if j, ok := f.joins[id]; ok {
		return j, nil
	}
	var answer struct {
		UserData string `xml:"userData>value"`
	}
	err := f.aws.Query(ctx, "ec2", "DescribeInstanceAttribute",
		map[string]string{"InstanceId": id, "Attribute": "userData"}, &answer)
	if err != nil {
		return Join{}, err
	}
	text, err := base64.StdEncoding.DecodeString(answer.UserData)
	if err != nil {
		return Join{}, fmt.Errorf("user data: %w", err)
	}
	j, err := ParseUserData(string(text))
	if err == nil && j.Cluster != f.cluster {
		err = fmt.Errorf("it is tagged for cluster %s and joins %s", f.cluster, j.Cluster)
	}
	if err != nil {
		return Join{}, err
	}
	f.joins[id] = j
	return j, nil
}
