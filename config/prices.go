package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Prices are AWS's list prices of one day and region, USD. Those that a rule's message or docs/costs.md names are here
// and nowhere else.
type Prices struct {
	Date    string   `json:"date"`   // of the look-up, 2006-01-02
	Region  string   `json:"region"` // all prices are this region's
	Sources []string `json:"sources"`

	ClusterHour         float64            `json:"clusterHour"`         // EKS, in standard support
	ClusterExtendedHour float64            `json:"clusterExtendedHour"` // EKS, in extended support
	InstanceHour        map[string]float64 `json:"instanceHour"`        // on-demand Linux, by type
	// SpotShare is what spot is assumed to cost as a share of on-demand: it changes by the hour.
	SpotShare         float64 `json:"spotShare"`
	VolumeGBMonth     float64 `json:"volumeGBMonth"`    // gp3
	BalancerHour      float64 `json:"balancerHour"`     // a Network Load Balancer
	BalancerUnitHour  float64 `json:"balancerUnitHour"` // its capacity unit: 1 GB an hour
	SecretMonth       float64 `json:"secretMonth"`
	NATHour           float64 `json:"natHour"`
	NATGB             float64 `json:"natGB"`
	EndpointZoneHour  float64 `json:"endpointZoneHour"`  // an interface endpoint, for each zone
	PublicAddressHour float64 `json:"publicAddressHour"` // a public IPv4 address
	KeyMonth          float64 `json:"keyMonth"`          // a customer managed KMS key
	AlarmMonth        float64 `json:"alarmMonth"`        // for each metric that an alarm watches
	CompositeMonth    float64 `json:"compositeAlarmMonth"`
	DashboardMonth    float64 `json:"dashboardMonth"`
	LogGB             float64 `json:"logGB"` // ingested

	LambdaGBSecond          map[Architecture]float64 `json:"lambdaGBSecond"`
	LambdaMillionRequests   float64                  `json:"lambdaMillionRequests"`
	SQSMillionRequests      float64                  `json:"sqsMillionRequests"`
	S3ThousandWrites        float64                  `json:"s3ThousandWrites"`
	S3ThousandReads         float64                  `json:"s3ThousandReads"`
	S3GBMonth               float64                  `json:"s3GBMonth"`           // Standard
	BackupBucketGBMonth     float64                  `json:"backupBucketGBMonth"` // of AWS Backup, in warm storage
	BackupTableGBMonth      float64                  `json:"backupTableGBMonth"`  // the same of a table
	DynamoMillionWrites     float64                  `json:"dynamoMillionWrites"`
	DynamoMillionReads      float64                  `json:"dynamoMillionReads"`
	StepThousandTransitions float64                  `json:"stepThousandTransitions"`

	KinesisStreamHour         float64 `json:"kinesisStreamHour"`         // an on-demand stream
	KinesisShardHour          float64 `json:"kinesisShardHour"`          // of a provisioned stream
	KinesisRetentionShardHour float64 `json:"kinesisRetentionShardHour"` // in addition, beyond 24 hours up to 7 days
	KinesisFanOutShardHour    float64 `json:"kinesisFanOutShardHour"`    // in addition, for each consumer
	KinesisMillionPuts        float64 `json:"kinesisMillionPuts"`        // provisioned: of 25 KB of a record, begun ones count
	KinesisGBIn               float64 `json:"kinesisGBIn"`               // on demand: records rounded up to 1 KB
	KinesisGBOut              float64 `json:"kinesisGBOut"`              // on demand: for each function that reads them
}

//go:embed prices.json
var pricesFile []byte

// ListPrices reads prices.json. An invalid file is a bug in this package, which any test finds.
func ListPrices() Prices {
	var p Prices
	if err := json.Unmarshal(pricesFile, &p); err != nil {
		panic(fmt.Sprintf("config: prices.json: %v", err))
	}
	return p
}
