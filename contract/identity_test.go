package contract

import (
	"math/rand/v2"
	"testing"
)

// A load's identity is stored in keys, execution names and certificates: it must never change.
func TestLoadIDGolden(t *testing.T) {
	o := Object{Bucket: "landing", Key: "trips/a.csv", VersionID: "v1.0"}
	const want = "c9e0b6dd766eeb21086dcb730f0d86fb"
	if got := LoadID(o); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o.Size, o.ETag = 7, "abc"
	if got := LoadID(o); got != want {
		t.Errorf("size and ETag are not part of the identity: got %s", got)
	}
}

func TestLoadIDDiffersByEachPart(t *testing.T) {
	ids := map[string]Object{}
	for _, o := range []Object{
		{Bucket: "landing", Key: "trips/a.csv", VersionID: "1"},
		{Bucket: "landin", Key: "trips/a.csv", VersionID: "1"},
		{Bucket: "landing", Key: "trips/b.csv", VersionID: "1"},
		{Bucket: "landing", Key: "trips/a.csv", VersionID: "2"},
		{Bucket: "landing", Key: "trips/a.csv"},
		{Bucket: "trips/a.csv", Key: "landing", VersionID: "1"},
		// The same letters, split differently; and parts that look like the hash's own framing.
		{Bucket: "landingt", Key: "rips/a.csv", VersionID: "1"},
		{Bucket: "landing", Key: "trips/a.csv1"},
		{Bucket: "a", Key: "b1:c", VersionID: "d"},
		{Bucket: "a", Key: "b", VersionID: "c1:d"},
		{Bucket: "a1:b", Key: "c", VersionID: "d"},
	} {
		id := LoadID(o)
		if other, seen := ids[id]; seen {
			t.Errorf("%+v and %+v have the same id", o, other)
		}
		ids[id] = o
	}
}

func TestLoadIDHasNoAmbiguity(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"1", "2", ":", "a", "1:", "2:a"}
	ids := map[string]Object{}
	for range 20_000 {
		part := func() (s string) {
			for range random.IntN(4) {
				s += alphabet[random.IntN(len(alphabet))]
			}
			return s
		}
		o := Object{Bucket: part(), Key: part(), VersionID: part()}
		if other, seen := ids[LoadID(o)]; seen && other != o {
			t.Fatalf("%+v and %+v have the same id", o, other)
		}
		ids[LoadID(o)] = o
	}
}

func TestSegmentOf(t *testing.T) {
	for key, want := range map[string]string{
		"trips/a.csv": "trips", "trips/2026/01/a b+c.csv": "trips", LandingKey("events", "x.json"): "events",
		"a.csv": "", "trips/": "", "trips": "", "": "", "/a.csv": "",
	} {
		if got := SegmentOf(key); got != want {
			t.Errorf("SegmentOf(%q) = %q, want %q", key, got, want)
		}
	}
}

// The key layout is documented: other tools read the lake by it.
func TestKeyLayout(t *testing.T) {
	const load = "0123456789abcdef0123456789abcdef"
	const sum = "feedc0dedeadbeef00112233445566778899aabbccddeeff0011223344556677"
	for want, got := range map[string]string{
		"data/trips/pickup_at_day=2026-01-31/" + load + "-00007-4096-feedc0dedead.parquet": DataKey("trips",
			"pickup_at_day=2026-01-31", load, 7, 4096, sum),
		"quarantine/trips/" + load + "/00007-4096-feedc0dedead.ndjson.gz": QuarantineKey("trips", load, 7,
			4096, sum),
		"certificates/trips/" + load + ".json":      CertificateKey("trips", load),
		"certificates/trips/" + load + ".dsse.json": EnvelopeKey("trips", load),
		"manifests/trips/" + load:                   ManifestKey("trips", load),
		"load_date=2026-02-01":                      LoadDatePartition("2026-02-01"),
		"trips/a.csv":                               LandingKey("trips", "a.csv"),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestFolderMarker(t *testing.T) {
	for key, want := range map[Object]bool{
		{Key: "trips/"}:          true,
		{Key: "trips/", Size: 1}: false,
		{Key: "trips/a"}:         false,
	} {
		if got := FolderMarker(key); got != want {
			t.Errorf("FolderMarker(%+v) = %v, want %v", key, got, want)
		}
	}
}
