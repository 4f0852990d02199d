package lake

import (
	"context"
	"fmt"
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
	pages := s3.NewListObjectVersionsPaginator(l.client, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list versions of s3://%s: %w", bucket, err)
		}
		if err := visit(listed(bucket, page.Versions)); err != nil {
			return err
		}
	}
	return nil
}

func listed(bucket string, versions []types.ObjectVersion) []Listed {
	list := make([]Listed, 0, len(versions))
	for _, v := range versions {
		list = append(list, Listed{
			Object: contract.Object{
				Bucket: bucket, Key: aws.ToString(v.Key), VersionID: aws.ToString(v.VersionId),
				Size: aws.ToInt64(v.Size), ETag: strings.Trim(aws.ToString(v.ETag), `"`),
			},
			Modified: aws.ToTime(v.LastModified),
		})
	}
	return list
}
