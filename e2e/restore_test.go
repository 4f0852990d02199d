package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/restore"
)

// restored copies the buckets, as a backup does under other names and with other versions, rebuilds the ledger from the
// copies, and compares it with the stack's.
func restored(t *testing.T, key *ecdsa.PublicKey) {
	t.Helper()
	ctx := context.Background() // it runs when the test is over
	s := stack.Client()
	lakeCopy, landingCopy, table := "drill-lake", "drill-landing", "drill-ledger"
	t.Cleanup(func() { remove(t, table, lakeCopy, landingCopy) })
	copyBucket(t, s.Outputs.LakeBucket, lakeCopy)
	copyBucket(t, s.Outputs.LandingBucket, landingCopy)
	objects, books := lake.New(s.S3, lakeCopy), s.Ledger.Of(table)
	if err := books.Create(ctx); err != nil {
		t.Fatal(err)
	}
	drill := restore.Drill{Lake: objects, Landing: objects, Bucket: landingCopy, Table: books, PublicKey: key}
	report, err := drill.Run(ctx)
	if err != nil || !report.Complete {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, err := drill.Run(ctx); !errors.Is(err, ledger.ErrOccupied) {
		t.Errorf("a second drill into the table: %v", err)
	}
	loads := 0
	for _, segment := range report.Segments {
		if segment.Proven != segment.Certificates || !segment.Chain {
			t.Errorf("%+v", segment)
		}
		was, err := s.Ledger.Head(ctx, segment.Segment)
		is, errs := books.Head(ctx, segment.Segment)
		if err = errors.Join(err, errs); err != nil || is != was {
			t.Errorf("the head of %s is %+v, was %+v, %v", segment.Segment, is, was, err)
		}
		ids, err := client.SegmentLoads(ctx, s.S3, lakeCopy, segment.Segment)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			loads++
			same(t, id, s.Ledger, books)
		}
	}
	if loads < 11 || report.Duplicates != loads { // the copies' versions have other ids
		t.Errorf("%d loads, %d duplicates", loads, report.Duplicates)
	}
}

// same compares a load in two ledgers: what it proves, and its items but for what no certificate tells.
func same(t *testing.T, id string, was, is *ledger.Ledger) {
	t.Helper()
	ctx := context.Background()
	var loads [2]ledger.Load
	var certificates [2]contract.Certificate
	for i, books := range []*ledger.Ledger{was, is} {
		load, err := books.Load(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if certificates[i], err = client.Recorded(ctx, stack.Client().Name, books, load); err != nil {
			t.Fatal(err)
		}
		load.Plan.Lane, load.Plan.At, load.Updated = "", load.Received, load.Received
		load.Sent, load.Proven = load.Received, nil
		loads[i] = load
	}
	if !reflect.DeepEqual(certificates[0], certificates[1]) || !reflect.DeepEqual(loads[0], loads[1]) {
		t.Errorf("load %s was\n%+v\n%+v\nis\n%+v\n%+v", id, loads[0], certificates[0], loads[1], certificates[1])
	}
}

// copyBucket copies the versions of a bucket into a new one, the oldest first.
func copyBucket(t *testing.T, from, to string) {
	t.Helper()
	ctx, c := context.Background(), stack.Client().S3
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &to}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &to,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		t.Fatal(err)
	}
	var all []lake.Listed
	err = lake.New(c, from).Versions(ctx, from, lake.Marker{}, func(page []lake.Listed, _ lake.Marker) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range slices.Backward(all) {
		if strings.Contains(v.Key, "/readings/") {
			continue // intervals of a stream go on being certified meanwhile: a copy needs one time for all objects
		}
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &from, Key: &v.Key, VersionId: &v.VersionID})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(out.Body)
		if err = errors.Join(err, out.Body.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = c.PutObject(ctx, &s3.PutObjectInput{Bucket: &to, Key: &v.Key, Body: bytes.NewReader(data),
			Metadata: out.Metadata})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// remove deletes a table and buckets with all their versions.
func remove(t *testing.T, table string, buckets ...string) {
	t.Helper()
	ctx, c := context.Background(), stack.Client().S3
	_, err := dynamodb.NewFromConfig(stack.AWSConfig()).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table})
	for _, bucket := range buckets {
		err = errors.Join(err, lake.New(c, bucket).Versions(ctx, bucket, lake.Marker{},
			func(page []lake.Listed, _ lake.Marker) error {
				for _, v := range page {
					_, err := c.DeleteObject(ctx,
						&s3.DeleteObjectInput{Bucket: &bucket, Key: &v.Key, VersionId: aws.String(v.VersionID)})
					if err != nil {
						return err
					}
				}
				return nil
			}))
		_, gone := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
		err = errors.Join(err, gone)
	}
	if err != nil && !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("remove the copies: %v", err)
	}
}
