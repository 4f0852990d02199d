package preview

import "slices"

// Holding is what is lost when a resource of a type is deleted.
type Holding struct {
	Type string // Pulumi's token
	Lost string
}

// Holdings are the types that hold data, what is hardest to replace first. Everything else can be created again from
// the program.
var Holdings = []Holding{
	{"aws:s3/bucketV2:BucketV2", "objects, all versions of them"},
	{"aws:s3/bucket:Bucket", "objects, all versions of them"},
	{"aws:dynamodb/table:Table", "items"},
	{"aws:kinesis/stream:Stream", "records that are not processed yet"},
	{"aws:kms/key:Key", "everything that is encrypted with it, and what it signed cannot be signed again"},
	{"aws:backup/vault:Vault", "recovery points"},
	{"aws:sqs/queue:Queue", "messages that wait"},
	{"aws:glue/catalogDatabase:CatalogDatabase", "tables"},
	{"aws:glue/catalogTable:CatalogTable", "the pointer to the table's snapshots"},
	{"aws:ecr/repository:Repository", "images that pods run"},
	{"aws:cloudwatch/logGroup:LogGroup", "logs"},
}

// holding is a type's place in Holdings; -1: it holds nothing.
func holding(kind string) int {
	return slices.IndexFunc(Holdings, func(h Holding) bool { return h.Type == kind })
}

// lost is what a type holds; empty: nothing.
func lost(kind string) string {
	if i := holding(kind); i >= 0 {
		return Holdings[i].Lost
	}
	return ""
}
