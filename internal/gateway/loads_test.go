package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// landing is a bucket in memory.
type landing struct {
	objects map[string]string            // checksums, by key
	uploads map[string]map[int]string    // parts that were put, as sums, by upload
	fails   func(operation string) error // nil: nothing does
}

func (l *landing) fail(operation string) error {
	if l.fails == nil {
		return nil
	}
	return l.fails(operation)
}

func (l *landing) Checksum(_ context.Context, key string) (string, bool, error) {
	sum, ok := l.objects[key]
	return sum, ok, l.fail("checksum")
}

func (l *landing) Begin(_ context.Context, key string) (string, error) {
	if l.uploads == nil {
		l.objects, l.uploads = map[string]string{}, map[string]map[int]string{}
	}
	upload := fmt.Sprintf("%s#%d", key, len(l.uploads))
	l.uploads[upload] = map[int]string{}
	return upload, l.fail("begin")
}

func (l *landing) Sign(_ context.Context, key, upload string, number int, sum []byte) (
	string, map[string]string, error,
) {
	return fmt.Sprintf("%s/%s/%d/%x", key, upload, number, sum), map[string]string{"X-Amz-Checksum-Sha256": "x"},
		l.fail("sign")
}

// put puts all parts that an answer asks for.
func (l *landing) put(out Upload, l2 Load) (etags []string) {
	for i := range out.Parts {
		l.uploads[out.Upload][i+1] = string(l2.SHA256[i])
		etags = append(etags, fmt.Sprintf("tag-%d", i+1))
	}
	return etags
}

func (l *landing) Complete(_ context.Context, key, upload string, parts []Part) error {
	if err := l.fail("complete"); err != nil {
		return err
	}
	var sums [][]byte
	for i, p := range parts {
		if l.uploads[upload][i+1] != string(p.SHA) {
			return ErrParts
		}
		sums = append(sums, p.SHA)
	}
	if _, taken := l.objects[key]; taken {
		return ErrTaken
	}
	l.objects[key] = composite(sums)
	delete(l.uploads, upload)
	return l.fail("reply")
}

const loads = "/v1/segments/events/loads/day-1.ndjson"

// whole is a load of so many bytes, whose parts have made-up contents.
func whole(size int64, content string) Load {
	l := Load{Bytes: size}
	for at := int64(0); at < size; at += partBytes {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", content, at))
		l.SHA256 = append(l.SHA256, sum[:])
	}
	return l
}

// say sends a request about a load with the token of producer b.
func say(t *testing.T, g *Gateway, method, target string, body any) (int, Upload, Problem) {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	r := request(target, text, "Content-Type", typeJSON, "Authorization", "Bearer tok-b")
	r.Method = method
	w, p, _ := do(t, g, r)
	var out Upload
	if w.Code < 300 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, out, p
}

// A load is begun, its parts are put, and it is completed; whoever repeats any of it finds it done.
func TestLoads(t *testing.T) {
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		bucket := g.Landing.(*landing)
		l := whole(2*partBytes+5, "a")
		code, out, _ := say(t, g, http.MethodPut, loads, l)
		if code != http.StatusCreated || out.Complete || len(out.Parts) != 3 || out.Key != "events/day-1.ndjson" {
			t.Fatalf("begun: %d %+v", code, out)
		}
		for i, p := range out.Parts {
			if want := int64(i) * partBytes; p.Offset != want || p.Bytes != min(partBytes, l.Bytes-want) ||
				!strings.HasSuffix(p.URL, fmt.Sprintf("/%d/%x", i+1, l.SHA256[i])) || p.Headers["X-Amz-Checksum-Sha256"] == "" {
				t.Errorf("part %d: %+v", i, p)
			}
		}
		done := l
		done.Upload, done.ETags = out.Upload, bucket.put(out, l)[:2]
		if code, _, _ := say(t, g, http.MethodPost, loads, done); code != http.StatusBadRequest {
			t.Errorf("completed without an ETag: %d", code)
		}
		done.ETags = append(done.ETags, "tag-3")
		early := bucket.uploads[out.Upload][3]
		bucket.uploads[out.Upload][3] = ""
		if code, _, p := say(t, g, http.MethodPost, loads, done); code != http.StatusConflict ||
			!strings.Contains(p.Detail, "not all parts") {
			t.Errorf("completed without a part: %d %+v", code, p)
		}
		bucket.uploads[out.Upload][3] = early
		bucket.fails = func(operation string) error {
			return map[string]error{"reply": errors.New("connection reset")}[operation]
		}
		if code, _, _ := say(t, g, http.MethodPost, loads, done); code != http.StatusServiceUnavailable {
			t.Errorf("completed, and the reply was lost: %d", code)
		}
		bucket.fails = nil
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			body := done
			if method == http.MethodPut {
				body = l
			}
			if code, out, _ := say(t, g, method, loads, body); code != http.StatusOK || !out.Complete || len(out.Parts) > 0 {
				t.Errorf("%s again: %d %+v", method, code, out)
			}
		}
		if code, _, p := say(t, g, http.MethodPut, loads, whole(2*partBytes+5, "b")); code != http.StatusConflict ||
			!strings.Contains(p.Detail, "another load") {
			t.Errorf("another load of the name: %d %+v", code, p)
		}
	})
}

// Of two that put different loads under a name, the one that completes second is told.
func TestLoadsThatRace(t *testing.T) {
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		var codes []int
		var all []Load
		for _, content := range []string{"a", "b"} {
			l := whole(10, content)
			_, out, _ := say(t, g, http.MethodPut, loads, l)
			l.Upload, l.ETags = out.Upload, g.Landing.(*landing).put(out, l)
			all = append(all, l)
		}
		for _, l := range all {
			code, _, _ := say(t, g, http.MethodPost, loads, l)
			codes = append(codes, code)
		}
		if codes[0] != http.StatusOK || codes[1] != http.StatusConflict {
			t.Errorf("answered %v", codes)
		}
	})
}

func TestLoadsAreRefused(t *testing.T) {
	good := whole(5, "a")
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		name, method, target string
		body                 any
		status               int
		detail               string
	}{
		{"segment of a stream", "PUT", "/v1/segments/trips/loads/a", good, 404, "arrive by stream"},
		{"unknown segment", "PUT", "/v1/segments/gone/loads/a", good, 404, "unknown segment"},
		{"foreign segment", "PUT", "/v1/segments/readings/loads/a", good, 403, "may not send"},
		{"long name", "PUT", "/v1/segments/events/loads/" + long, good, 400, "name is"},
		{"name with a slash", "PUT", "/v1/segments/events/loads/a%2Fb", good, 400, "name is"},
		{"hidden name", "PUT", "/v1/segments/events/loads/.a", good, 400, "name is"},
		{"no body", "PUT", loads, "", 400, "the body is not a load"},
		{"unknown member", "PUT", loads, `{"size":1}`, 400, "unknown field"},
		{"more", "PUT", loads, `{"bytes":1,"sha256":[]}{}`, 400, "goes on"},
		{"nothing", "PUT", loads, Load{}, 400, "bytes is 0"},
		{"too large", "PUT", loads, Load{Bytes: maxParts*partBytes + 1}, 400, "bytes is"},
		{"sums", "PUT", loads, Load{Bytes: partBytes + 1, SHA256: good.SHA256}, 400, "sha256 has 1 sums: want 2"},
		{"short sum", "PUT", loads, Load{Bytes: 1, SHA256: [][]byte{{1}}}, 400, "sha256[0] has 1 bytes: want 32"},
		{"long body", "PUT", loads, strings.Repeat(" ", loadBody+1), 413, "more than 1048576 bytes"},
		{"completed by PUT", "PUT", loads, Load{Bytes: 5, SHA256: good.SHA256, Upload: "u"}, 400, "want POST"},
		{"begun by POST", "POST", loads, good, 400, "want upload"},
		{"method", "DELETE", loads, good, 405, "want PUT, POST"},
	} {
		in(t, &fake{}, func(t *testing.T, g *Gateway) {
			if code, _, p := say(t, g, c.method, c.target, c.body); code != c.status || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%s: %d %+v, want %d with %q", c.name, code, p, c.status, c.detail)
			}
		})
	}
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		r := request(loads, "{}", "Authorization", "Bearer tok-b")
		r.Method = http.MethodPut
		if w, _, _ := do(t, g, r); w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("lines: %d", w.Code)
		}
	})
}

// S3 that fails is no fault of the client.
func TestLoadsWithoutS3(t *testing.T) {
	for _, broken := range []string{"checksum", "begin", "sign", "complete"} {
		in(t, &fake{}, func(t *testing.T, g *Gateway) {
			bucket := g.Landing.(*landing)
			l, method := whole(5, "a"), http.MethodPut
			if broken == "complete" {
				_, out, _ := say(t, g, method, loads, l)
				l.Upload, l.ETags, method = out.Upload, bucket.put(out, l), http.MethodPost
			}
			bucket.fails = func(operation string) error {
				return map[string]error{broken: errors.New("secret detail")}[operation]
			}
			if code, _, p := say(t, g, method, loads, l); code != http.StatusServiceUnavailable ||
				strings.Contains(p.Detail, "secret") {
				t.Errorf("%s: %d %+v", broken, code, p)
			}
		})
	}
}

// What is read of a load is within the limits, whatever comes.
func FuzzParseLoad(f *testing.F) {
	data, err := json.Marshal(whole(partBytes+1, "a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"bytes":1,"sha256":[null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := parseLoad(body)
		if err != nil {
			return
		}
		again, err := json.Marshal(l)
		second, failed := parseLoad(again)
		if errors.Join(err, failed) != nil || l.Bytes < 1 || len(l.SHA256) > maxParts ||
			!bytes.Equal(bytes.Join(l.SHA256, nil), bytes.Join(second.SHA256, nil)) {
			t.Errorf("%q: %+v", body, l)
		}
	})
}
