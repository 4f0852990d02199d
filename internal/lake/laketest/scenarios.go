package laketest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"dip/contract"
	"dip/internal/fault"
	"dip/internal/lake"
)

func (s Subject) put(t *testing.T, key, content string) error {
	t.Helper()
	return s.PutOnce(t.Context(), key, "text/plain", strings.NewReader(content), lake.Hash([]byte(content)))
}

// holds checks the content of a key of the output bucket.
func (s Subject) holds(t *testing.T, key, want string) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); err != nil || string(got) != want {
		t.Errorf("%s holds %q, want %q; %v", key, got, want, err)
	}
}

func (s Subject) land(key, content string) contract.Object {
	return s.Put(s.Name("landing"), key, []byte(content))
}

// permanent checks that an error is permanent, names its subject, and comes without data.
func permanent(t *testing.T, what string, err error, about string) {
	t.Helper()
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), about) {
		t.Errorf("%s: %v (permanent: %t), want a permanent error that names %s", what, err, fault.IsPermanent(err), about)
	}
}

// transient checks that a retry may cure an error.
func transient(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || fault.IsPermanent(err) {
		t.Errorf("%s: %v (permanent: %t), want an error that a retry may cure", what, err, fault.IsPermanent(err))
	}
}

func putOnce(t *testing.T, s Subject) {
	for range 2 { // a retry finds its own write, whether or not the first call got its answer
		if err := s.put(t, "data/a b+ü.parquet", "rows"); err != nil {
			t.Fatal(err)
		}
	}
	permanent(t, "other content", s.put(t, "data/a b+ü.parquet", "other"), "data/a b+ü.parquet exists with other content")
	s.holds(t, "data/a b+ü.parquet", "rows")
	if err := s.put(t, "data/empty", ""); err != nil {
		t.Error(err)
	}
	s.holds(t, "data/empty", "")
	// A deleted output can be written again.
	s.Delete(s.Bucket(), "data/a b+ü.parquet")
	if err := s.put(t, "data/a b+ü.parquet", "other"); err != nil {
		t.Error(err)
	}
	s.holds(t, "data/a b+ü.parquet", "other")
}

type noSeek struct{ *strings.Reader }

func (noSeek) Seek(int64, int) (int64, error) { return 0, errors.New("file already closed") }

func putOnceRewinds(t *testing.T, s Subject) {
	body := strings.NewReader("rows")
	if _, err := io.CopyN(io.Discard, body, 3); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOnce(t.Context(), "k", "text/plain", body, lake.Hash([]byte("rows"))); err != nil {
		t.Fatal(err)
	}
	s.holds(t, "k", "rows")
	err := s.PutOnce(t.Context(), "k2", "text/plain", noSeek{strings.NewReader("rows")}, lake.Hash([]byte("rows")))
	if transient(t, "a body that cannot be rewound", err); !strings.Contains(err.Error(), "rewind") {
		t.Error(err)
	}
}

// An object that something else wrote carries no hash: it is not ours.
func putOnceBesideAForeignObject(t *testing.T, s Subject) {
	s.Put(s.Bucket(), "k", []byte("rows"))
	permanent(t, "a foreign object", s.put(t, "k", "rows"), "k exists with other content")
}

// Of writers of different content one wins, and writers of the same content all do.
func severalWriters(t *testing.T, s Subject) {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			if err := s.put(t, "same", "rows"); err != nil {
				t.Error(err)
			}
			errs[i] = s.put(t, "different", fmt.Sprint(i))
		})
	}
	wg.Wait()
	winner := slices.Index(errs, nil)
	if winner < 0 {
		t.Fatal(errs)
	}
	s.holds(t, "different", fmt.Sprint(winner))
	for i, err := range errs {
		if i != winner {
			permanent(t, fmt.Sprint("writer ", i), err, "exists with other content")
		}
	}
}

func get(t *testing.T, s Subject) {
	s.Put(s.Bucket(), "catalog/1.json", []byte("old"))
	s.Put(s.Bucket(), "catalog/1.json", []byte("{}"))
	s.holds(t, "catalog/1.json", "{}")
	got, err := s.Get(t.Context(), "catalog/1.json")
	if err != nil {
		t.Fatal(err)
	}
	got[0] = 'X' // the caller's own
	s.holds(t, "catalog/1.json", "{}")
}

func head(t *testing.T, s Subject) {
	old, newest := s.land("trips/a b+ü.csv", "old"), s.land("trips/a b+ü.csv", "newer")
	for name, want := range map[string]contract.Object{old.VersionID: old, newest.VersionID: newest, "": newest} {
		got, err := s.Head(t.Context(), contract.Object{Bucket: old.Bucket, Key: old.Key, VersionID: name})
		want.ETag = got.ETag
		if err != nil || got != want || got.ETag == "" || strings.Contains(got.ETag, `"`) {
			t.Errorf("version %q: %v\ngot  %+v\nwant %+v", name, err, got, want)
		}
	}
	if old.Size != 3 || newest.Size != 5 || old.VersionID == newest.VersionID || old.VersionID == "" {
		t.Errorf("put %+v, %+v", old, newest)
	}
}

func readRange(t *testing.T, s Subject) {
	o := s.land("trips/a", "0123456789")
	newest := s.land("trips/a", "overwritten meanwhile")
	for _, c := range []struct {
		from, to int64
		want     string
	}{{0, 10, "0123456789"}, {3, 7, "3456"}, {9, 10, "9"}, {0, 1, "0"}, {5, 5, ""}, {12, 12, ""}, {7, 3, ""}} {
		if got, err := s.ReadRange(t.Context(), o, c.from, c.to); err != nil || string(got) != c.want {
			t.Errorf("%d to %d: %q, %v", c.from, c.to, got, err)
		}
	}
	newest.VersionID = ""
	if got, err := s.ReadRange(t.Context(), newest, 0, 4); err != nil || string(got) != "over" {
		t.Errorf("the newest version: %q, %v", got, err)
	}
}

// Fewer bytes than asked for would be lost records.
func readRangePastTheEnd(t *testing.T, s Subject) {
	o, empty := s.land("trips/a", "0123456789"), s.land("trips/empty", "")
	got, err := s.ReadRange(t.Context(), o, 8, 12)
	if transient(t, "over the end", err); got != nil || !errors.Is(err, io.ErrUnexpectedEOF) ||
		!strings.Contains(err.Error(), "2 of 4 bytes") {
		t.Errorf("over the end: %q, %v", got, err)
	}
	for what, read := range map[string]func() ([]byte, error){
		"from the end on":   func() ([]byte, error) { return s.ReadRange(t.Context(), o, 10, 12) },
		"past the end":      func() ([]byte, error) { return s.ReadRange(t.Context(), o, 20, 30) },
		"an empty object's": func() ([]byte, error) { return s.ReadRange(t.Context(), empty, 0, 1) },
	} {
		got, err := read()
		if permanent(t, what, err, "trips/"); got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func readAll(t *testing.T, r io.ReadCloser) ([]byte, error) {
	t.Helper()
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close(), r.Close()) // closing twice does no harm
}

func streaming(t *testing.T, s Subject) {
	content := make([]byte, 100_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails
	o := s.Put(s.Name("landing"), "trips/a", content)
	s.land("trips/a", "overwritten meanwhile")
	for _, from := range []int64{0, 1, 99_999, 100_000} {
		if got, err := readAll(t, s.Stream(t.Context(), o, from)); err != nil || !bytes.Equal(got, content[from:]) {
			t.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
	empty := s.land("trips/empty", "")
	if got, err := readAll(t, s.Stream(t.Context(), empty, 0)); err != nil || len(got) != 0 {
		t.Errorf("an empty object: %q, %v", got, err)
	}
}

// A failed stream keeps failing: its end would be taken for the object's.
func streamThatFails(t *testing.T, s Subject) {
	o := s.land("trips/a", "0123456789")
	o.VersionID = "none"
	r := s.Stream(t.Context(), o, 0)
	got, err := io.ReadAll(r)
	if permanent(t, "a version that is not there", err, "trips/a"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if n, again := r.Read(make([]byte, 1)); n != 0 || !errors.Is(again, err) {
		t.Errorf("read after the error: %d, %v", n, again)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// A reader that stops at too small a size takes a part for the whole.
func wrongSize(t *testing.T, s Subject) {
	o := s.land("trips/a", "0123456789")
	for _, size := range []int64{1, 9, 11, 20} {
		o.Size = size
		got, err := readAll(t, s.Stream(t.Context(), o, 0))
		if permanent(t, fmt.Sprintf("a stream of %d bytes", size), err, "10 bytes"); len(got) != 0 {
			t.Errorf("%q", got)
		}
		_, err = s.ReadRange(t.Context(), o, 0, 1)
		permanent(t, fmt.Sprintf("a range of %d bytes", size), err, "10 bytes")
	}
}

func notThere(t *testing.T, s Subject) {
	kept := s.land("trips/a", "0123456789")
	marker := s.Delete(s.Name("landing"), "trips/a")
	s.Put(s.Bucket(), "gone", nil)
	s.Delete(s.Bucket(), "gone")
	named := func(key, version string) contract.Object {
		return contract.Object{Bucket: kept.Bucket, Key: key, VersionID: version, Size: 10}
	}
	for what, o := range map[string]contract.Object{
		"a key":              named("trips/b", ""),
		"a version of a key": named("trips/b", kept.VersionID),
		"a deleted key":      named("trips/a", ""),
		"a delete marker":    named("trips/a", marker.VersionID),
		"a version":          named("trips/a", strings.ToUpper(kept.VersionID)+"0"),
		"a bucket":           {Bucket: "no-such-bucket", Key: "trips/a", Size: 10},
	} {
		_, err := s.Head(t.Context(), o)
		permanent(t, "head of "+what, err, o.Key)
		got, err := s.ReadRange(t.Context(), o, 0, 5)
		if permanent(t, "range of "+what, err, o.Key); got != nil {
			t.Errorf("range of %s: %q", what, got)
		}
		got, err = readAll(t, s.Stream(t.Context(), o, 0))
		if permanent(t, "stream of "+what, err, o.Key); len(got) != 0 {
			t.Errorf("stream of %s: %q", what, got)
		}
	}
	for _, key := range []string{"gone", "never"} {
		_, err := s.Get(t.Context(), key)
		permanent(t, "get of what is "+key, err, key)
	}
	if got, err := s.ReadRange(t.Context(), kept, 0, 3); err != nil || string(got) != "012" {
		t.Errorf("a version before the delete marker: %q, %v", got, err)
	}
}

// A listing has the current objects alone, below a prefix, in the order of their keys.
func listing(t *testing.T, s Subject) {
	var want []string
	for _, key := range []string{"data/a b+ü", "data/c", "data/d", "manifests/a"} {
		if err := s.put(t, key, "text of "+key); err != nil {
			t.Fatal(err)
		}
		if want = append(want, key); key == "data/d" {
			s.Delete(s.Bucket(), key)
			want = want[:2]
		}
	}
	for prefix, want := range map[string][]string{"": want, "data/": want[:2], "data/c": want[1:2], "none/": nil} {
		var got []string
		err := s.List(t.Context(), prefix, func(o contract.Object) error {
			if o.Size != int64(len("text of "+o.Key)) || o.Bucket != s.Bucket() {
				t.Errorf("%q: %+v", prefix, o)
			}
			got = append(got, o.Key)
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q, %v", prefix, got, want, err)
		}
	}
	stop := errors.New("stop")
	err := s.List(t.Context(), "", func(contract.Object) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("the visitor's error was lost: %v", err)
	}
}

func versions(t *testing.T, s Subject) {
	var want []contract.Object
	for _, key := range []string{"trips/a", "trips/a", "trips/b+c %41 ü", "trips/d"} {
		want = append(want, s.land(key, strings.Repeat("x", len(want))))
	}
	s.Delete(s.Name("landing"), "trips/a")
	s.Put(s.Name("other"), "x", []byte("not here"))
	var got []contract.Object
	err := s.Versions(t.Context(), s.Name("landing"), lake.Marker{}, func(page []lake.Listed, _ lake.Marker) error {
		for _, v := range page {
			if v.Modified.IsZero() || v.ETag == "" || strings.Contains(v.ETag, `"`) {
				t.Errorf("got %+v", v)
			}
			got = append(got, v.Object)
		}
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, got %+v", err, got)
	}
	for _, o := range want {
		if !slices.ContainsFunc(got, func(g contract.Object) bool {
			return g.Bucket == o.Bucket && g.Key == o.Key && g.VersionID == o.VersionID && g.Size == o.Size
		}) {
			t.Errorf("%+v is not in %+v", o, got)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b contract.Object) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("not in the order of the keys: %+v", got)
	}
	for i, v := range got { // it goes on after any of them
		var rest []contract.Object
		after := lake.Marker{Key: v.Key, Version: v.VersionID}
		err := s.Versions(t.Context(), s.Name("landing"), after, func(page []lake.Listed, _ lake.Marker) error {
			for _, v := range page {
				rest = append(rest, v.Object)
			}
			return nil
		})
		if err != nil || !slices.Equal(rest, got[i+1:]) {
			t.Errorf("after %+v: %v, %+v", after, err, rest)
		}
	}
	stop := errors.New("stop")
	err = s.Versions(t.Context(), s.Name("landing"), lake.Marker{}, func([]lake.Listed, lake.Marker) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("the visitor's error was lost: %v", err)
	}
}

func previous(t *testing.T, s Subject) {
	s.land("trips/a0", "one") // not a version of trips/a
	first, again, other := s.land("trips/a", "one"), s.land("trips/a", "one"), s.land("trips/a", "two")
	s.Delete(s.Name("landing"), "trips/a")
	anew := s.land("trips/a", "two")
	longer := s.land("trips/a", "three")
	for _, c := range []struct {
		of     contract.Object
		before string
		same   bool
	}{
		{first, "", false}, {again, first.VersionID, true}, {other, again.VersionID, false}, {anew, "", false},
		{longer, anew.VersionID, false},
	} {
		before, same, err := s.Previous(t.Context(), c.of)
		if err != nil || before.VersionID != c.before || same != c.same {
			t.Errorf("before %s: %+v, %t, %v; want %q, %t", c.of.VersionID, before, same, err, c.before, c.same)
		}
	}
}

// A call whose context has ended has no effect, and fails with the reason.
func endedContext(t *testing.T, s Subject) {
	o := s.land("trips/a", "0123456789")
	ctx, cancel := context.WithCancel(t.Context())
	running := s.Stream(ctx, o, 0)
	cancel()
	_, head := s.Head(ctx, o)
	_, ranged := s.ReadRange(ctx, o, 0, 5)
	_, streamed := readAll(t, s.Stream(ctx, o, 0))
	_, late := readAll(t, running)
	_, got := s.Get(ctx, "k")
	put := s.PutOnce(ctx, "k", "text/plain", strings.NewReader("rows"), lake.Hash([]byte("rows")))
	for what, err := range map[string]error{
		"head": head, "range": ranged, "stream": streamed, "open stream": late, "get": got, "put": put,
	} {
		if transient(t, what, err); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Get(t.Context(), "k"); !fault.IsPermanent(err) {
		t.Errorf("it was put: %v", err)
	}
}

// randomOperations applies the same random operations to the subject and to a fake: both must answer alike.
func randomOperations(t *testing.T, s Subject) {
	f := New(s.Bucket())
	landing := s.Name("landing")
	random := rand.New(rand.NewPCG(1, 2))
	keys := []string{"a", "b", "c/d"}
	var got, want []contract.Object // the same versions, in the order in which they were made
	var trace []string
	both := func(what string, ask func(l Lake, o contract.Object) (string, error)) {
		t.Helper()
		i := random.IntN(max(1, len(got)))
		var o, of contract.Object
		if len(got) > 0 {
			o, of = got[i], want[i]
		}
		a, errA := ask(s, o)
		b, errB := ask(f, of)
		trace = append(trace, fmt.Sprintf("%s of %s: %q, %v", what, of.VersionID, b, errB))
		if a != b || (errA == nil) != (errB == nil) || fault.IsPermanent(errA) != fault.IsPermanent(errB) {
			t.Fatalf("%s\ngot  %q, %v\nwant %q, %v", strings.Join(trace, "\n"), a, errA, b, errB)
		}
	}
	for range 300 {
		key, content := keys[random.IntN(len(keys))], strings.Repeat("x", random.IntN(3))
		from, to := random.Int64N(4), random.Int64N(4)
		switch random.IntN(8) {
		case 0:
			o := s.land(key, content)
			got, want = append(got, o), append(want, f.Put(landing, key, []byte(content)))
		case 1:
			if random.IntN(2) == 0 {
				got, want = append(got, s.Delete(landing, key)), append(want, f.Delete(landing, key))
			}
		case 2, 3:
			both("put "+key+" "+content, func(l Lake, _ contract.Object) (string, error) {
				return "", l.PutOnce(t.Context(), key, "text/plain", strings.NewReader(content), lake.Hash([]byte(content)))
			})
		case 4:
			both("get "+key, func(l Lake, _ contract.Object) (string, error) {
				data, err := l.Get(t.Context(), key)
				return string(data), err
			})
		case 5:
			newest := random.IntN(2) == 0
			both(fmt.Sprintf("head %t", newest), func(l Lake, o contract.Object) (string, error) {
				if newest {
					o.VersionID = ""
				}
				o, err := l.Head(t.Context(), o)
				return fmt.Sprint(o.Key, o.Size), err
			})
		case 6:
			both(fmt.Sprintf("range %d to %d", from, to), func(l Lake, o contract.Object) (string, error) {
				data, err := l.ReadRange(t.Context(), o, from, to)
				return string(data), err
			})
		case 7:
			both(fmt.Sprintf("stream from %d", from), func(l Lake, o contract.Object) (string, error) {
				data, err := readAll(t, l.Stream(t.Context(), o, min(from, o.Size)))
				return string(data), err
			})
		}
	}
}
