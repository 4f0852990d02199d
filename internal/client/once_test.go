package client

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A write whose reply is lost is repeated by the SDK and then refused: the version that is there is the first one's.
func TestALostReplyMakesOneVersion(t *testing.T) {
	lost, refused := errors.New("connection reset"), answer(http.StatusPreconditionFailed)
	for name, c := range map[string]struct {
		size       int
		before     error // HEAD before the write; nil: there is an object
		failed     error // the write
		ours       bool  // the object that is there after it
		conditions string
		err        string
	}{
		"a new key":                  {size: 9, before: answer(http.StatusNotFound), conditions: "*|"},
		"a new version":              {size: 9, conditions: "|old"},
		"who may not read":           {size: 9, before: answer(http.StatusForbidden), conditions: "|"},
		"a large file":               {size: partSize + 1, before: answer(http.StatusNotFound), conditions: "*|"},
		"the reply is lost":          {size: 9, failed: lost, ours: true, conditions: "|old"},
		"and the repetition refused": {size: 9, failed: refused, ours: true, conditions: "|old"},
		"the reply to a large file's end": {size: partSize + 1, failed: answer(http.StatusNotFound), ours: true,
			conditions: "|old"},
		"the write is lost":                {size: 9, failed: lost, conditions: "|old", err: "connection reset"},
		"somebody else wrote it meanwhile": {size: 9, failed: refused, conditions: "|old", err: "somebody else"},
		"nobody knows what is there":       {size: 9, before: answer(http.StatusServiceUnavailable), err: "head s3://b/k"},
	} {
		f := newStore()
		f.fail = func() error { return c.failed }
		f.heads = []func() (*s3.HeadObjectOutput, error){
			func() (*s3.HeadObjectOutput, error) { return &s3.HeadObjectOutput{ETag: aws.String("old")}, c.before },
			func() (*s3.HeadObjectOutput, error) {
				head := &s3.HeadObjectOutput{VersionId: aws.String("v7"), ETag: aws.String("e7"), Metadata: map[string]string{}}
				if c.ours {
					head.Metadata = f.metadata
				}
				return head, nil
			},
		}
		o, err := Upload{Bucket: "b", Key: "k", Metadata: map[string]string{"m": "1"}}.PutStream(t.Context(), f,
			bytes.NewReader(content(c.size)))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if want := map[bool]string{true: "v7", false: "v1"}[c.ours]; err == nil && (o.VersionID != want ||
			o.Size != int64(c.size) || f.metadata["m"] != "1") {
			t.Errorf("%s: %+v, metadata %v", name, o, f.metadata)
		}
		if got := f.conditions; c.conditions != "" && !slices.Equal(got, []string{c.conditions}) {
			t.Errorf("%s: conditions %q, want %q", name, got, c.conditions)
		}
		if f.aborted != (err != nil && c.size > partSize) {
			t.Errorf("%s: aborted: %t", name, f.aborted)
		}
	}
}
