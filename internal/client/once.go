package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"dip/contract"
)

// once makes one version of an object, whatever happens to the replies: a write whose reply is lost is repeated by the
// SDK, and would make a second version, and a second load with the same rows. The write is conditional on what was
// there before ("Add preconditions to S3 operations with conditional requests"), so the repetition is refused; and the
// version that is there then says by its token whose it is.
type once struct {
	ifNoneMatch, ifMatch *string
	metadata             map[string]string
}

// metaPut is the metadata key of the token.
const metaPut = "dip-put"

func (u Upload) once(ctx context.Context, store ObjectStore) (once, error) {
	o := once{metadata: map[string]string{metaPut: rand.Text()}}
	maps.Copy(o.metadata, u.Metadata)
	head, err := store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	switch {
	case status(err) == http.StatusNotFound: // or its newest version is a delete marker
		o.ifNoneMatch = aws.String("*")
	case status(err) == http.StatusForbidden: // who may write need not be allowed to read
	case err != nil:
		return once{}, fmt.Errorf("head s3://%s/%s: %w", u.Bucket, u.Key, err)
	default:
		o.ifMatch = head.ETag
	}
	return o, nil
}

// arrived finds out whether a write that failed took effect before its reply was lost.
func (u Upload) arrived(ctx context.Context, store ObjectStore, o contract.Object, once once, failed error) (
	contract.Object, error,
) {
	head, err := store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	switch {
	case err != nil && status(err) != http.StatusNotFound:
		return o, errors.Join(failed, fmt.Errorf("head s3://%s/%s: %w", u.Bucket, u.Key, err))
	case err == nil && head.Metadata[metaPut] == once.metadata[metaPut]:
		u.sent(o.Size)
		o.VersionID, o.ETag = aws.ToString(head.VersionId), aws.ToString(head.ETag)
		return o, nil
	case status(failed) == http.StatusPreconditionFailed:
		return o, fmt.Errorf("%w: somebody else wrote this key meanwhile; put the file again to replace that", failed)
	}
	return o, failed
}

func status(err error) int {
	var re *awshttp.ResponseError
	if errors.As(err, &re) {
		return re.HTTPStatusCode()
	}
	return 0
}
