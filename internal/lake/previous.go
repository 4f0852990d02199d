package lake

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
)

// Previous is the version of an object right before o, and whether it has the same content; none is never the same. A
// version that was deleted before o was put is none: whoever did that wants the object anew.
func (l *Lake) Previous(ctx context.Context, o contract.Object) (before contract.Object, same bool, err error) {
	page, err := l.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &o.Bucket, Prefix: &o.Key, KeyMarker: &o.Key, VersionIdMarker: &o.VersionID, MaxKeys: aws.Int32(1),
		EncodingType: types.EncodingTypeUrl,
	})
	if err != nil {
		return before, false, fmt.Errorf("list the version before %s: %w", URI(o), err)
	}
	list, err := listed(o.Bucket, page)
	if err != nil || len(list) == 0 || list[0].Key != o.Key {
		return before, false, err
	}
	before = list[0].Object
	if before.Size != o.Size {
		return before, false, nil
	}
	if before.ETag == o.ETag { // without KMS it is a hash; with it, no two versions share one
		return before, true, nil
	}
	old, err := l.checksums(ctx, before)
	if err != nil {
		return before, false, err
	}
	now, err := l.checksums(ctx, o)
	if err != nil {
		return before, false, err
	}
	for kind, sum := range now {
		if sum != "" && old[kind] == sum {
			return before, true, nil
		}
	}
	return before, false, nil
}

// checksums are those that S3 keeps of a version, by kind. S3 computes one of every object by itself ("Checking object
// integrity in Amazon S3"); those of parts are of their own kind.
func (l *Lake) checksums(ctx context.Context, o contract.Object) (map[string]string, error) {
	head, err := l.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &o.Bucket, Key: &o.Key, VersionId: &o.VersionID, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, classify(fmt.Errorf("head %s: %w", URI(o), err))
	}
	sums := map[string]string{}
	for kind, sum := range map[string]*string{
		"CRC64NVME": head.ChecksumCRC64NVME, "SHA256": head.ChecksumSHA256, "SHA1": head.ChecksumSHA1,
		"CRC32C": head.ChecksumCRC32C, "CRC32": head.ChecksumCRC32,
	} {
		sums[kind+" "+string(head.ChecksumType)] = aws.ToString(sum)
	}
	return sums, nil
}
