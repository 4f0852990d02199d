package main

// What the general rules do not find. Each was checked against the documentation
// of both sides.

// fixedPairs are the tokens whose Terraform type has another name and is not found by its properties.
var fixedPairs = map[string]string{
	"aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
	"aws:s3/bucketObject:BucketObject":     "aws_s3_bucket_object",

	"aws:directconnect/linkAggregationGroup:LinkAggregationGroup": "aws_dx_lag",
	"aws:outposts/getSites:getSites":                              "aws_outposts_sites",
	"aws:ram/sharingWithOrganization:SharingWithOrganization":     "aws_ram_sharing_with_organization",
	"aws:rds/instanceDesiredState:InstanceDesiredState":           "aws_rds_instance_state",
	"aws:route53/getZones:getZones":                               "aws_route53_zones",
}

// renames are the properties that have a name of their own, by Terraform path.
var renames = map[string]string{
	"aws_lambda_function.function_name": "name",
}

// nameLimits are the services' limits on names, in characters, where they are
// shorter than defaultNameLimit.
var nameLimits = map[string]int{
	"aws_iam_policy":            128,
	"aws_iam_role":              64,
	"aws_kms_alias":             256,
	"aws_lambda_alias":          128,
	"aws_lambda_function":       64,
	"aws_s3_bucket":             63,
	"aws_scheduler_schedule":    64,
	"aws_sfn_state_machine":     80,
	"aws_cloudwatch_event_rule": 64,
	"aws_sqs_queue":             80,
}

const defaultNameLimit = 255

// fifoFlags are the attributes that ask for a name ending in .fifo.
var fifoFlags = map[string]string{
	"aws_sqs_queue": "fifo_queue",
	"aws_sns_topic": "fifo_topic",
}

// namePrefixes are what the service wants names to begin with.
var namePrefixes = map[string]string{"aws_kms_alias": "alias/"}

// lowerNames are the types whose names have no capitals.
var lowerNames = map[string]bool{"aws_s3_bucket": true}
