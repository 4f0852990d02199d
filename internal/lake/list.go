package lake

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
)

// List lists the current objects of the output bucket below a prefix, in the order of their keys, without versions.
func (l *Lake) List(ctx context.Context, prefix string, visit func(o contract.Object) error) error {
	pages := s3.NewListObjectsV2Paginator(l.client, &s3.ListObjectsV2Input{
		Bucket: &l.bucket, Prefix: &prefix,
		EncodingType: types.EncodingTypeUrl, // a key may hold characters that XML cannot
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list s3://%s/%s: %w", l.bucket, prefix, err)
		}
		for _, o := range page.Contents {
			key := aws.ToString(o.Key)
			if page.EncodingType == types.EncodingTypeUrl {
				if key, err = url.QueryUnescape(key); err != nil {
					return fmt.Errorf("list s3://%s/%s: key %q: %w", l.bucket, prefix, aws.ToString(o.Key), err)
				}
			}
			listed := contract.Object{Bucket: l.bucket, Key: key, Size: aws.ToInt64(o.Size),
				ETag: strings.Trim(aws.ToString(o.ETag), `"`)}
			if err := visit(listed); err != nil {
				return err
			}
		}
	}
	return nil
}
