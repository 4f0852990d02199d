package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

// contentOf makes the content of a load, and the load.
func contentOf(size int, seed byte) ([]byte, Load) {
	content := make([]byte, size)
	for i := range content {
		content[i] = seed + byte(i%251)
	}
	l := Load{Bytes: int64(size)}
	for at := 0; at < size; at += partBytes {
		sum := sha256.Sum256(content[at:min(at+partBytes, size)])
		l.SHA256 = append(l.SHA256, sum[:])
	}
	return content, l
}

// upload puts the parts of a load as a client does, with nothing but what the gateway answered.
func upload(t *testing.T, parts []PartUpload, content []byte) (etags []string) {
	t.Helper()
	for _, p := range parts {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL,
			bytes.NewReader(content[p.Offset:p.Offset+p.Bytes]))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range p.Headers {
			r.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("part at %d: %d %s, %v", p.Offset, answer.StatusCode, text, err)
		}
		etags = append(etags, answer.Header.Get("ETag"))
	}
	return etags
}

// A whole load goes into S3 by the signed URLs, once, and its name belongs to its content from then on.
func TestLoadsInS3(t *testing.T) {
	cfg := emulatortest.Config(t)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("landing")}); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, &fake{})
	defer g.Close()
	g.Landing = NewBucket(client, "landing")
	content, l := contentOf(partBytes+5, 0)
	code, out, p := say(t, g, http.MethodPut, loads, l)
	if code != http.StatusCreated || len(out.Parts) != 2 {
		t.Fatalf("begun: %d %+v %+v", code, out, p)
	}
	head := func() error {
		_, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("landing"), Key: &out.Key})
		return err
	}
	done := l
	done.Upload, done.ETags = out.Upload, upload(t, out.Parts, content)
	if err := head(); err == nil {
		t.Error("the object is there before the upload is complete")
	}
	for _, what := range []string{"completed", "completed again"} {
		if code, answer, p := say(t, g, http.MethodPost, loads, done); code != http.StatusOK || !answer.Complete {
			t.Fatalf("%s: %d %+v %+v", what, code, answer, p)
		}
	}
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("landing"), Key: &out.Key,
		ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if sum := aws.ToString(object.ChecksumSHA256); sum != composite(l.SHA256) {
		t.Errorf("S3 has the checksum %q, want %q", sum, composite(l.SHA256))
	}
	if landed, err := io.ReadAll(object.Body); err != nil || !bytes.Equal(landed, content) {
		t.Errorf("%d bytes landed, %v", len(landed), err)
	}
	if code, answer, p := say(t, g, http.MethodPut, loads, l); code != http.StatusOK || !answer.Complete {
		t.Errorf("begun again: %d %+v %+v", code, answer, p)
	}
	_, other := contentOf(100, 7)
	if code, answer, _ := say(t, g, http.MethodPut, loads, other); code != http.StatusConflict {
		t.Errorf("another content: %d %+v", code, answer)
	}
}
