package evidence

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
)

// stored is a lake with a load's objects, and the certificate that lists them.
func stored(t *testing.T) (*laketest.Fake, contract.Certificate, map[string]string) {
	t.Helper()
	f := laketest.New("lake")
	c := contract.Certificate{
		Segment: "things", Load: "l", Catalog: "catalog/1.json", Link: &contract.Link{Number: 2, Load: "k"},
		Input: f.Put("landing", "things/a", []byte("input")),
		Chunks: []contract.ChunkProof{{Ack: contract.Ack{
			Outputs: []contract.Output{{Key: "data/things/x=" + strings.Repeat("long", 200) + "/l-0.parquet"},
				{Key: "data/things/x=b/l-1.parquet"}},
			Quarantine: &contract.Output{Key: "quarantine/things/l/0.ndjson"},
		}}, {Chunk: 1}},
	}
	f.Put("landing", "things/a", []byte("overwritten meanwhile"))
	document, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	k := c.Chunks[0]
	objects := map[string]string{
		contract.CertificateKey("things", "l"): string(document), c.Catalog: "{}",
		contract.CertificateKey("things", "k"): "before", contract.EnvelopeKey("things", "l"): "signed",
		contract.ManifestKey("things", "l"): "s3://lake/" + k.Outputs[0].Key + "\ns3://lake/" + k.Outputs[1].Key + "\n",
		k.Outputs[0].Key:                    "rows", k.Outputs[1].Key: "more", k.Quarantine.Key: "bad",
	}
	for key, content := range objects {
		f.Put("lake", key, []byte(content))
	}
	return f, c, objects
}

func TestFolderHoldsWhatTheLakeHas(t *testing.T) {
	f, c, objects := stored(t)
	dir := filepath.Join(t.TempDir(), "deep", "er")
	for range 2 { // what is there already is written again
		if err := Write(t.Context(), f, c, dir); err != nil {
			t.Fatal(err)
		}
	}
	folder, read, sum, err := Open(dir)
	if err != nil || read.Load != "l" || len(read.Chunks) != 2 || folder.Bucket() != "lake" ||
		sum != lake.Hash([]byte(objects[contract.CertificateKey("things", "l")])) || !Holds(dir) || Holds(t.TempDir()) {
		t.Fatalf("%+v, %+v, %v", folder, read, err)
	}
	for key, want := range objects {
		got, err := folder.Get(t.Context(), key)
		head, headErr := folder.Head(t.Context(), contract.Object{Bucket: "lake", Key: key})
		if err != nil || headErr != nil || string(got) != want || head.Size != int64(len(want)) {
			t.Errorf("%s: %q, %+v, %v, %v", key, got, head, err, headErr)
		}
	}
	head, err := folder.Head(t.Context(), c.Input)
	if err != nil || head != c.Input {
		t.Errorf("input %+v, %v", head, err)
	}
	stream := folder.Stream(t.Context(), c.Input, 2)
	if got, err := io.ReadAll(stream); err != nil || string(got) != "put" || stream.Close() != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", ".download-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatIsMissing(t *testing.T) {
	f, c, objects := stored(t)
	dir := t.TempDir()
	if err := Write(t.Context(), f, c, dir); err != nil {
		t.Fatal(err)
	}
	folder, _, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"data/things/x=a/l-9.parquet", "data/..", "quarantine/things/..", "staging/x", ""} {
		_, err := folder.Get(t.Context(), key)
		_, headErr := folder.Head(t.Context(), contract.Object{Bucket: "lake", Key: key})
		_, streamErr := io.ReadAll(folder.Stream(t.Context(), contract.Object{Bucket: "lake", Key: key}, 0))
		for _, err := range []error{err, headErr, streamErr} {
			if !fault.IsPermanent(err) {
				t.Errorf("%q: %v", key, err)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "manifest.txt")); err != nil {
		t.Fatal(err)
	}
	if folder, _, _, err := Open(dir); err != nil || folder.Bucket() != "" {
		t.Errorf("without a manifest: %+v, %v", folder, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "certificate.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := Open(dir); err == nil {
		t.Error("a damaged certificate was read")
	}
	if _, _, _, err := Open(t.TempDir()); err == nil {
		t.Error("an empty folder was opened")
	}
	c.Chunks[0].Outputs[0].Key = "data/.."
	if err := Write(t.Context(), f, c, t.TempDir()); err == nil || !strings.Contains(err.Error(), `"data/.."`) {
		t.Errorf("an output that would leave the folder: %v", err)
	}
	for key := range objects {
		f, c, _ := stored(t)
		f.Delete("lake", key)
		if err := Write(t.Context(), f, c, t.TempDir()); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

// A certificate of before there were links has none before it, and may have no envelope.
func TestAnOldCertificate(t *testing.T) {
	f, c, _ := stored(t)
	c.Link = nil
	dir := t.TempDir()
	f.Delete("lake", contract.EnvelopeKey("things", "l"))
	if err := Write(t.Context(), f, c, dir); err != nil {
		t.Fatal(err)
	}
	folder, _, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{contract.EnvelopeKey("things", "l"), contract.CertificateKey("things", "k")} {
		if _, err := folder.Get(t.Context(), key); !fault.IsPermanent(err) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
