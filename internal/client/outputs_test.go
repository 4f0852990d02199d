package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/sample"
)

// objects is the lake as S3's client shows it.
type objects struct{ *laketest.Fake }

func (o objects) ListObjectsV2(
	_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error,
) {
	var out s3.ListObjectsV2Output
	for key := range o.Contents(*in.Bucket) {
		if strings.HasPrefix(key, *in.Prefix) {
			out.Contents = append(out.Contents, types.Object{Key: aws.String(key)})
		}
	}
	return &out, nil
}

func (o objects) GetObject(
	ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error,
) {
	data, err := o.Get(ctx, *in.Key)
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(data)), ContentLength: aws.Int64(int64(len(data)))}, err
}

// stored makes a lake of objects.
func stored(contents map[string]string) *laketest.Fake {
	f := laketest.New("lake")
	for key, content := range contents {
		f.Put("lake", key, []byte(content))
	}
	return f
}

func TestQuarantineShowsRecordsInOrder(t *testing.T) {
	lake := stored(map[string]string{
		"q0": `{"chunk":0,"start":1,"end":5,"reason":"first","raw":"a,b\n"}` + "\n" +
			`{"chunk":0,"start":5,"end":7,"field":"x","reason":"second","rawBase64":"/w=="}` + "\n",
		"q2": `{"chunk":2,"start":9,"end":12,"reason":"third","raw":"c"}` + "\n",
	})
	chunks := []ledger.Chunk{
		{Ack: &contract.Ack{Quarantine: &contract.Output{Key: "q0"}}}, {}, {Ack: &contract.Ack{}},
		{Ack: &contract.Ack{Quarantine: &contract.Output{Key: "q2"}}},
	}
	for limit, want := range map[int]string{3: "first a,b\n;second \xff;third c;", 2: "first a,b\n;second \xff;"} {
		var got strings.Builder
		n := 0
		err := Quarantine(t.Context(), lake, chunks, func(r contract.Rejected) (bool, error) {
			n++
			got.WriteString(r.Reason + " " + string(r.Bytes()) + ";")
			return n < limit, nil
		})
		if err != nil || got.String() != want {
			t.Errorf("%q, %v, want %q", got.String(), err, want)
		}
	}
	lake.Put("lake", "q0", []byte("{broken"))
	if err := Quarantine(t.Context(), lake, chunks,
		func(contract.Rejected) (bool, error) { return true, nil }); err == nil {
		t.Error("a broken quarantine file is an error")
	}
}

func TestPublishedAndDownload(t *testing.T) {
	lake := objects{stored(map[string]string{
		"manifests/trips/l1":         "s3://lake/data/trips/day=1/a.parquet\ns3://lake/data/trips/day=2/b.parquet\n",
		"manifests/trips2/l9":        "s3://lake/data/trips2/c.parquet\n",
		"data/trips/day=1/a.parquet": "AAAA", "data/trips/day=2/b.parquet": "BB",
	})}
	loads, err := SegmentLoads(t.Context(), lake, "lake", "trips")
	if err != nil || !slices.Equal(loads, []string{"l1"}) {
		t.Fatalf("loads %v, %v", loads, err)
	}
	uris, err := Published(t.Context(), lake, "trips", "l1")
	if err != nil || len(uris) != 2 {
		t.Fatalf("uris %v, %v", uris, err)
	}
	dir := t.TempDir()
	for range 2 { // the second time every file exists already
		paths, err := Download(t.Context(), lake, uris, dir)
		if err != nil || paths[1] != filepath.Join(dir, "trips", "day=2", "b.parquet") {
			t.Fatalf("paths %v, %v", paths, err)
		}
		if data, err := os.ReadFile(paths[0]); err != nil || string(data) != "AAAA" {
			t.Errorf("file %q, %v", data, err)
		}
	}
	if _, err := Download(t.Context(), lake, []string{"s3://lake/data/../../etc/passwd"}, dir); err == nil {
		t.Error("a key must not lead out of the folder")
	}
	if _, err := Download(t.Context(), lake, []string{"s3://lake/data/trips/gone"}, dir); err == nil {
		t.Error("a missing object is an error")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "trips", ".download-*")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Partition values may be longer than the names of files.
func TestDownloadOfLongPartitionValues(t *testing.T) {
	lake, dir := objects{stored(nil)}, t.TempDir()
	var uris []string
	folders := []string{
		"v=" + strings.Repeat("x", 253), "v=" + strings.Repeat("x", 254), "v=" + strings.Repeat("x", 500),
		"v=" + strings.Repeat("x", 499) + "y",
		"v=" + strings.Repeat("\U0001f600", 127),
	}
	for i, folder := range folders {
		key := contract.DataKey("trips", folder, strings.Repeat("f", 32), i, 1<<62, strings.Repeat("0", 64))
		lake.Put("lake", key, []byte(folder))
		uris = append(uris, "s3://lake/"+key)
	}
	seen := map[string]bool{}
	for range 2 {
		paths, err := Download(t.Context(), lake, uris, dir)
		if err != nil {
			t.Fatal(err)
		}
		for i, path := range paths {
			data, err := os.ReadFile(path)
			folder := filepath.Base(filepath.Dir(path))
			if err != nil || string(data) != folders[i] || len(folder) > 255 || !utf8.ValidString(folder) ||
				(len(folders[i]) <= 255) != (folder == folders[i]) {
				t.Errorf("%s: %q, %v", path, data, err)
			}
			seen[folder] = true
		}
	}
	if len(seen) != len(folders) {
		t.Errorf("%d folders of %d", len(seen), len(folders))
	}
}

func TestParseOutputsNamesWhatIsMissing(t *testing.T) {
	if _, err := ParseOutputs([]byte(`{"region":"eu-west-1","segments":{}}`)); err == nil ||
		!strings.Contains(err.Error(), "landingBucket") || strings.Contains(err.Error(), `"region"`) {
		t.Errorf("error %v", err)
	}
}

func TestCheckSegmentSuggests(t *testing.T) {
	s := &Stack{Name: "dev",
		Outputs: Outputs{Segments: map[string]contract.SegmentOutputs[string]{"trips": {}, "events": {}}}}
	if err := s.CheckSegment("trips"); err != nil {
		t.Error(err)
	}
	if err := s.CheckSegment("tirps"); !errors.Is(err, ErrNotFound) ||
		!strings.Contains(err.Error(), "did you mean trips?") {
		t.Errorf("error %v", err)
	}
}

func TestGenerateIsTheSameUnderEveryCompression(t *testing.T) {
	o := sample.Options{Bytes: 200_000, Seed: 3, BadShare: 0.01}
	var plain, gz, zst bytes.Buffer
	for c, out := range map[contract.Compression]*bytes.Buffer{contract.Plain: &plain, contract.Gzip: &gz,
		contract.Zstd: &zst} {
		stats, err := Generate(out, "events", c, o)
		if err != nil || stats.Bytes < o.Bytes || stats.Bad == 0 {
			t.Fatalf("%s: %+v, %v", c, stats, err)
		}
	}
	unzipped, err := gzip.NewReader(&gz)
	if err != nil {
		t.Fatal(err)
	}
	unzst, err := zstd.NewReader(&zst)
	if err != nil {
		t.Fatal(err)
	}
	defer unzst.Close()
	for name, r := range map[string]io.Reader{"gzip": unzipped, "zstd": unzst} {
		if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, plain.Bytes()) {
			t.Errorf("%s: %d bytes, %v, want %d", name, len(text), err, plain.Len())
		}
	}
	if _, err := Generate(&plain, "weather", contract.Plain, o); err == nil {
		t.Error("an unknown kind is an error")
	}
}
