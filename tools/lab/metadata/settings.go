package metadata

import (
	"encoding/json"
	"fmt"
	"time"
)

// Instance is what an instance finds in its metadata.
type Instance struct {
	Node    string // name of its Node, which is its private DNS name
	ID      string
	Type    string
	Zone    string // availability zone, such as us-east-1a
	ZoneID  string // such as use1-az4
	Region  string
	Address string // private IPv4 address
	Account string
}

// never is a time that no lab sees.
var never = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// settings are the mock's: from the time of the notice on, they announce when the instance is terminated.
func settings(i Instance, notice, termination time.Time) ([]byte, error) {
	text, err := json.MarshalIndent(map[string]any{
		"imdsv2":        false, // tokens are given out but not asked for: a restarted mock does not know the old ones
		"mock-ip-count": -1,    // every address is answered
		// The lab gives no rebalance recommendations.
		"rebalance-trigger-time": never.Format(time.RFC3339),
		"mock-trigger-time":      notice.UTC().Format(time.RFC3339),
		"spot":                   map[string]string{"action": "terminate", "time": termination.UTC().Format(time.RFC3339)},
		"metadata":               map[string]any{"paths": paths, "values": values(i)},
		"dynamic":                map[string]any{"values": map[string]any{"instance-identity-document": identity(i)}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return text, nil
}

// The mock either has scheduled maintenance or does not serve its path, which the Node Termination Handler takes for a
// failure. An instance has an empty list: the mock serves it in place of an ID that instances no longer have.
const obsolete = "ramdisk-id"

var paths = map[string]string{obsolete: "/latest/meta-data/events/maintenance/scheduled"}

func values(i Instance) map[string]string {
	return map[string]string{
		obsolete: "[]",

		"instance-id": i.ID, "instance-type": i.Type, "instance-life-cycle": "spot",
		"hostname": i.Node, "local-hostname": i.Node, "local-ipv4": i.Address,
		"public-hostname": "", "public-ipv4": "", // nodes are in private subnets
		"placement-availability-zone": i.Zone, "placement-availability-zone-id": i.ZoneID, "placement-region": i.Region,
	}
}

func identity(i Instance) map[string]string {
	return map[string]string{
		"accountId": i.Account, "instanceId": i.ID, "instanceType": i.Type, "availabilityZone": i.Zone, "region": i.Region,
		"privateIp": i.Address,
	}
}
