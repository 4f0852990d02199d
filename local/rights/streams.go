package rights

import (
	"strings"

	"dip/local/emulator"
)

// keysOfStreams are what calls to an encrypted stream need of its key.
var keysOfStreams = map[string][]string{
	"PutRecord": {"kms:GenerateDataKey"}, "PutRecords": {"kms:GenerateDataKey"},
	"GetRecords": {"kms:Decrypt"}, "SubscribeToShard": {"kms:Decrypt"},
}

// mappingReads: Lambda takes records from a stream with the function's role, and sets aside what failed for good.
// Sources: "Process Amazon Kinesis Data Streams records with Lambda" and "Retain discarded batch records for a Kinesis
// Data Streams event source in Lambda".
func (s *Stack) mappingReads(all *calls, mapping Resource, role string) {
	source := mapping.text("eventSourceArn")
	of, _, fanOut := strings.Cut(source, "/consumer/")
	read := func(resource string, operations ...string) {
		for _, operation := range operations {
			action := "kinesis:" + operation
			all.add("Lambda reads for "+mapping.name(), role, action, resource, nil)
			s.keysFor(all, emulator.Call{Principal: role, Action: action, Resource: of})
		}
	}
	read(of, "DescribeStream", "DescribeStreamSummary", "ListShards")
	if fanOut {
		read(source, "SubscribeToShard")
	} else {
		read(of, "GetRecords", "GetShardIterator")
	}
	if to := mapping.text("destinationConfig", "onFailure", "destinationArn"); strings.HasPrefix(to, "arn:aws:s3:::") {
		s.setsAside(all, mapping, role, to)
	}
}

// setsAside adds what an on-failure destination in S3 needs. Lambda chooses the keys, below aws/lambda/.
func (s *Stack) setsAside(all *calls, mapping Resource, role, bucket string) {
	put := emulator.Call{Principal: role, Action: "s3:PutObject", Resource: bucket + "/aws/lambda/example"}
	why := "Lambda sets batches of " + mapping.name() + " aside"
	all.add(why, role, put.Action, put.Resource, map[string]any{"s3:ObjectCreationOperation": "true"})
	all.add(why, role, "s3:ListBucket", bucket, nil)
	s.keysFor(all, put)
}
