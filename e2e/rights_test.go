package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"dip/local/rights"
)

// unneeded are the rights of the stack local that these tests do not use, each with its reason.
var unneeded = []rights.Reason{
	{Right: rights.Right{Role: "birdstrikes-role", Action: "*", Resource: "*"},
		Why: "no test lands birdstrikes: its role is made as those of the other segments"},
	{Right: rights.Right{Role: "reconciler-role", Action: "sqs:*", Resource: "*:birdstrikes-queue-*"},
		Why: "no test lands birdstrikes"},
	{Right: rights.Right{Role: "*-role", Action: "s3:ListBucket", Resource: "arn:aws:s3:::*"},
		Why: "makes S3 answer that an object is missing rather than deny access, which is retried: none is missing here"},
	{Right: rights.Right{Role: "*-role", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake-bucket-*/data/*"},
		Why: "compares an output with what an attempt before left, which only killed functions have"},
	{Right: rights.Right{Role: "*-role", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake-bucket-*/quarantine/*"},
		Why: "as for outputs"},
	{Right: rights.Right{Role: "readings-role", Action: "s3:PutObject",
		Resource: "arn:aws:s3:::lake-bucket-*/covers/readings/*"},
		Why:       "keeps the numbers of a batch's records where the ledger's item is too small: internal/stream shows it",
		Sometimes: true},
	{Right: rights.Right{Role: "readings-*", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake-bucket-*"},
		Why:       "reads what an attempt before left, which depends on where functions were killed: internal/stream shows it",
		Sometimes: true},
	{Right: rights.Right{Role: "readings-witness-role", Action: "kms:Decrypt", Resource: "*"},
		Why:       "decrypts an archived batch, see above; the stream has a key of its own",
		Sometimes: true},
	{Right: rights.Right{Role: "reconciler-role", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake-bucket-*"},
		Why: "compares a certificate or a manifest with what an attempt before left"},
	{Right: rights.Right{Role: "reconciler-role", Action: "sqs:GetQueueAttributes", Resource: "*"},
		Why:       "asks whether overdue work still waits in its queue, which only killed functions make",
		Sometimes: true},
	{Right: rights.Right{Role: "sweeper-role", Action: "events:PutEvents", Resource: "*"},
		Why: "announces what was not announced: internal/sweep shows it"},
	{Right: rights.Right{Role: "rollout-role", Action: "codedeploy:StopDeployment", Resource: "*"},
		Why: "stops what a newer version supersedes: internal/rollout shows it"},
	{Right: rights.Right{Role: "rollout-role", Action: "lambda:InvokeFunction", Resource: "*:function:birdstrikes-*"},
		Why: "only trips gets a new version"},
	{Right: rights.Right{Role: "rollout-role", Action: "lambda:InvokeFunction", Resource: "*:function:events-*"},
		Why: "only trips gets a new version"},
	{Right: rights.Right{Role: "rollout-role", Action: "lambda:InvokeFunction", Resource: "*:function:parts-*"},
		Why: "only trips gets a new version"},
	{Right: rights.Right{Role: "*-role", Action: "dynamodb:GetItem", Resource: "*:table/ledger-table-*"},
		Why:       "asks why a claim was refused, which only messages that come twice meet",
		Sometimes: true},
}

// checkRights compares what the functions did in all tests with what their roles allow. Unless all tests ran to their
// end, rights may be unused because of that.
func checkRights(ctx context.Context, all bool) error {
	report, err := stack.CheckRights(ctx, unneeded)
	if err != nil {
		return err
	}
	if !all || some("test.run") || some("test.skip") {
		report.Unused, report.Useless = nil, nil
	}
	fmt.Printf("rights: %d distinct calls judged\n", report.Calls)
	if report.Calls == 0 {
		return errors.New("rights: no call was recorded")
	}
	return report.Err()
}

// some reports whether a flag is set.
func some(name string) bool { return flag.Lookup(name).Value.String() != "" }
