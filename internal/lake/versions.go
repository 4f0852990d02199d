package lake

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/contract"
)

// Listed is an object version in a listing.
type Listed struct {
	contract.Object
	Modified time.Time
}

// Versions lists every object version of a bucket, page by page; delete markers are left out.
func (l *Lake) Versions(ctx context.Context, bucket string, visit func([]Listed) error) error {
	pages := s3.NewListObjectVersionsPaginator(l.client, &s3.ListObjectVersionsInput{
		Bucket:       &bucket,
		EncodingType: types.EncodingTypeUrl, // a key may hold characters that XML cannot
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list versions of s3://%s: %w", bucket, err)
		}
		list, err := listed(bucket, page)
		if err != nil {
			return err
		}
		if err := visit(list); err != nil {
			return err
		}
	}
	return nil
}

func listed(bucket string, page *s3.ListObjectVersionsOutput) ([]Listed, error) {
	list := make([]Listed, 0, len(page.Versions))
	for _, v := range page.Versions {
		key := aws.ToString(v.Key)
		if page.EncodingType == types.EncodingTypeUrl {
			var err error
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, fmt.Errorf("list versions of s3://%s: key %q: %w", bucket, key, err)
			}
		}
		list = append(list, Listed{
			Object: contract.Object{
				Bucket: bucket, Key: key, VersionID: aws.ToString(v.VersionId),
				Size: aws.ToInt64(v.Size), ETag: strings.Trim(aws.ToString(v.ETag), `"`),
			},
			Modified: aws.ToTime(v.LastModified),
		})
	}
	return list, nil
}
