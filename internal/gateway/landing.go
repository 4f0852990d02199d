package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// signed is how long a client may take to put a part.
const signed = time.Hour

// Bucket is the landing bucket in S3.
type Bucket struct {
	client *s3.Client
	name   string
}

// NewBucket makes a Landing of a bucket.
func NewBucket(client *s3.Client, name string) *Bucket { return &Bucket{client, name} }

// Checksum is described at Landing.
func (b *Bucket) Checksum(ctx context.Context, key string) (string, bool, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "NotFound" || api.ErrorCode() == "NoSuchKey") {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("head %s: %w", key, err)
	}
	return aws.ToString(out.ChecksumSHA256), true, nil
}

// Begin is described at Landing.
func (b *Bucket) Begin(ctx context.Context, key string) (string, error) {
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ChecksumType: types.ChecksumTypeComposite,
	})
	if err != nil {
		return "", fmt.Errorf("begin an upload of %s: %w", key, err)
	}
	return aws.ToString(out.UploadId), nil
}

// Sign is described at Landing. The checksum is one of the signed headers: S3 refuses a request without it, or with
// another content.
func (b *Bucket) Sign(ctx context.Context, key, upload string, number int, sum []byte) (
	string, map[string]string, error,
) {
	out, err := s3.NewPresignClient(b.client).PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: &key, UploadId: &upload, PartNumber: aws.Int32(int32(number)),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum)),
	}, s3.WithPresignExpires(signed))
	if err != nil {
		return "", nil, fmt.Errorf("sign part %d of %s: %w", number, key, err)
	}
	headers := map[string]string{}
	for name := range out.SignedHeader {
		if name != "Host" && name != "Content-Length" {
			headers[name] = out.SignedHeader.Get(name)
		}
	}
	return out.URL, headers, nil
}

// Complete is described at Landing.
func (b *Bucket) Complete(ctx context.Context, key, upload string, parts []Part) error {
	var list []types.CompletedPart
	for i, p := range parts {
		list = append(list, types.CompletedPart{
			PartNumber: aws.Int32(int32(i + 1)), ETag: aws.String(p.ETag),
			ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(p.SHA)),
		})
	}
	_, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: &upload, IfNoneMatch: aws.String("*"),
		ChecksumType: types.ChecksumTypeComposite, MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	})
	if err == nil {
		return nil
	}
	return errors.Join(completion(err), fmt.Errorf("complete the upload of %s: %w", key, err))
}

// completion tells what an error of CompleteMultipartUpload means; nil: nothing for the client to mend.
func completion(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil
	}
	switch api.ErrorCode() {
	case "PreconditionFailed", "ConditionalRequestConflict":
		return ErrTaken
	case "NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest", "BadDigest":
		return ErrParts
	}
	return nil
}
