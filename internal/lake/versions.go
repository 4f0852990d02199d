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

// Marker is a place in a listing of versions: right after one version of a key. The zero value is its start.
type Marker struct {
	Key     string `json:"key,omitempty"`
	Version string `json:"version,omitempty"`
}

// Versions lists the object versions of a bucket after a marker, page by page; delete markers are left out. next is
// where the listing continues after a page, the zero value at its end.
func (l *Lake) Versions(ctx context.Context, bucket string, after Marker,
	visit func(page []Listed, next Marker) error) error {
	for {
		in := &s3.ListObjectVersionsInput{
			Bucket:       &bucket,
			EncodingType: types.EncodingTypeUrl, // a key may hold characters that XML cannot
		}
		if after.Key != "" {
			in.KeyMarker, in.VersionIdMarker = &after.Key, &after.Version
		}
		page, err := l.client.ListObjectVersions(ctx, in)
		if err != nil {
			return fmt.Errorf("list versions of s3://%s: %w", bucket, err)
		}
		list, err := listed(bucket, page)
		if err != nil {
			return err
		}
		after = Marker{}
		if aws.ToBool(page.IsTruncated) {
			if after.Key, err = decode(bucket, page, page.NextKeyMarker); err != nil {
				return err
			}
			after.Version = aws.ToString(page.NextVersionIdMarker)
		}
		if err := visit(list, after); err != nil || after == (Marker{}) {
			return err
		}
	}
}

// decode gives the key that a page names.
func decode(bucket string, page *s3.ListObjectVersionsOutput, key *string) (string, error) {
	if page.EncodingType != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	decoded, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return "", fmt.Errorf("list versions of s3://%s: key %q: %w", bucket, aws.ToString(key), err)
	}
	return decoded, nil
}

func listed(bucket string, page *s3.ListObjectVersionsOutput) ([]Listed, error) {
	list := make([]Listed, 0, len(page.Versions))
	for _, v := range page.Versions {
		key, err := decode(bucket, page, v.Key)
		if err != nil {
			return nil, err
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
