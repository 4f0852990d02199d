package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
)

// Whole loads are put in parts of the same size, the last one aside, by URLs that are signed for their content.
const (
	partBytes = 64 << 20
	maxParts  = 1000
	loadBody  = 1 << 20 // of a request about a load, bytes
)

// ErrTaken says that there is an object under the key already.
var ErrTaken = errors.New("the object exists")

// ErrParts says that S3 does not have all parts as they are named: a missing one, another content, or no such upload.
var ErrParts = errors.New("the parts are not there")

// Landing is the bucket that whole loads are put into.
type Landing interface {
	// Checksum gives the checksum of the object under a key, as S3 writes it: see composite. "": it has none of this
	// kind. false: there is no object.
	Checksum(ctx context.Context, key string) (sum string, there bool, err error)
	// Begin begins an upload in parts that have a SHA-256 each.
	Begin(ctx context.Context, key string) (upload string, err error)
	// Sign gives the URL and the headers of the request that puts a part, numbered from 1, with the given content.
	Sign(ctx context.Context, key, upload string, number int, sum []byte) (string, map[string]string, error)
	// Complete makes the object of its parts unless there is one: ErrTaken. An upload that is complete already, or whose
	// parts are not those that were signed, is ErrParts.
	Complete(ctx context.Context, key, upload string, parts []Part) error
}

// Part is a part that was put.
type Part struct {
	ETag string
	SHA  []byte
}

// Load is what a client says of a whole load.
type Load struct {
	Bytes  int64    `json:"bytes"`
	SHA256 [][]byte `json:"sha256"` // of each part, base64
	// The upload to complete, and the ETag of each part, as S3 answered them.
	Upload string   `json:"upload,omitempty"`
	ETags  []string `json:"etags,omitempty"`
}

// Upload is what is left to do for a load.
type Upload struct {
	Key      string       `json:"key"`      // of the object in the landing bucket
	Complete bool         `json:"complete"` // it is there: nothing is left to do
	Upload   string       `json:"upload,omitempty"`
	Parts    []PartUpload `json:"parts,omitempty"` // to be put, each by a request of its own
}

// PartUpload is a request that puts a part: PUT to the URL with these headers. It is valid for an hour.
type PartUpload struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Offset  int64             `json:"offset"` // of the part in the load
	Bytes   int64             `json:"bytes"`
}

var loadName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)

// beginLoad handles PUT /v1/segments/{segment}/loads/{name}.
func (g *Gateway) beginLoad(w http.ResponseWriter, r *http.Request) {
	g.load(w, r, func(ctx context.Context, key string, l Load) (int, Upload, *Problem) {
		if l.Upload != "" || len(l.ETags) > 0 {
			return 0, Upload{}, problem(http.StatusBadRequest, "upload and etags complete a load: want POST")
		}
		if done, p := g.landed(ctx, key, l); done || p != nil {
			return http.StatusOK, Upload{Key: key, Complete: true}, p
		}
		upload, err := g.Landing.Begin(ctx, key)
		if err != nil {
			return 0, Upload{}, g.lost("begin an upload", err)
		}
		out := Upload{Key: key, Upload: upload}
		for i, sum := range l.SHA256 {
			url, headers, err := g.Landing.Sign(ctx, key, upload, i+1, sum)
			if err != nil {
				return 0, Upload{}, g.lost("sign a part", err)
			}
			offset := int64(i) * partBytes
			out.Parts = append(out.Parts, PartUpload{url, headers, offset, min(partBytes, l.Bytes-offset)})
		}
		return http.StatusCreated, out, nil
	})
}

// completeLoad handles POST /v1/segments/{segment}/loads/{name}.
func (g *Gateway) completeLoad(w http.ResponseWriter, r *http.Request) {
	g.load(w, r, func(ctx context.Context, key string, l Load) (int, Upload, *Problem) {
		if l.Upload == "" || len(l.ETags) != len(l.SHA256) {
			return 0, Upload{}, problem(http.StatusBadRequest, "want upload, and an ETag of each of %d parts", len(l.SHA256))
		}
		parts := make([]Part, len(l.ETags))
		for i, tag := range l.ETags {
			parts[i] = Part{tag, l.SHA256[i]}
		}
		err := g.Landing.Complete(ctx, key, l.Upload, parts)
		if errors.Is(err, ErrTaken) || errors.Is(err, ErrParts) { // a repeat, perhaps
			done, p := g.landed(ctx, key, l)
			switch {
			case done:
				err = nil
			case p != nil:
				return 0, Upload{}, p
			default:
				return 0, Upload{}, problem(http.StatusConflict, "not all parts are there: begin again with PUT")
			}
		}
		if err != nil {
			return 0, Upload{}, g.lost("complete the upload", err)
		}
		return http.StatusOK, Upload{Key: key, Complete: true}, nil
	})
}

// load answers a request about a whole load.
func (g *Gateway) load(w http.ResponseWriter, r *http.Request,
	do func(ctx context.Context, key string, l Load) (int, Upload, *Problem),
) {
	hold := &lease{from: g.Budget}
	defer hold.free()
	l, p := g.readLoad(r, hold)
	if p != nil {
		p.write(w)
		return
	}
	status, out, p := do(r.Context(), r.PathValue("segment")+"/"+r.PathValue("name"), l)
	if p != nil {
		p.write(w)
		return
	}
	respond(w, status, typeJSON, out)
}

func (g *Gateway) readLoad(r *http.Request, hold *lease) (Load, *Problem) {
	if _, p := g.identify(r); p != nil {
		return Load{}, p
	}
	segment, name := r.PathValue("segment"), r.PathValue("name")
	switch reason, other := g.Others[segment]; {
	case g.Segments[segment] != nil || other && reason != asFiles:
		return Load{}, problem(http.StatusNotFound, "segment %q takes no whole loads: its records arrive by stream", segment)
	case !other:
		return Load{}, problem(http.StatusNotFound, "unknown segment %.100q", segment)
	case !loadName.MatchString(name):
		return Load{}, problem(http.StatusBadRequest, "the load's name is %.250q: want up to 200 letters, digits, dots, "+
			"dashes and underscores, a letter or digit first", name)
	}
	limits := Limits{Body: loadBody}
	m, p := mediaOf(r.Header, r.ContentLength, limits)
	if p != nil {
		return Load{}, p
	}
	if !m.array {
		return Load{}, problem(http.StatusUnsupportedMediaType, "want %s", typeJSON).with("Accept", typeJSON)
	}
	body, p := content(r.Body, r.ContentLength, m.coding, limits, hold)
	if p != nil {
		return Load{}, p
	}
	l, err := parseLoad(body)
	if err != nil {
		return Load{}, problem(http.StatusBadRequest, "%v", err)
	}
	return l, nil
}

// parseLoad reads and checks what a client says of a load.
func parseLoad(body []byte) (l Load, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Load{}, fmt.Errorf("the body is not a load: %w", err)
	}
	if d.More() {
		return Load{}, errors.New("the body goes on after the load")
	}
	if l.Bytes < 1 || l.Bytes > maxParts*partBytes {
		return Load{}, fmt.Errorf("bytes is %d: want 1 to %d", l.Bytes, int64(maxParts*partBytes))
	}
	if want := int((l.Bytes + partBytes - 1) / partBytes); len(l.SHA256) != want {
		return Load{}, fmt.Errorf("sha256 has %d sums: want %d, one for each part of %d bytes", len(l.SHA256), want,
			partBytes)
	}
	for i, sum := range l.SHA256 {
		if len(sum) != sha256.Size {
			return Load{}, fmt.Errorf("sha256[%d] has %d bytes: want %d, in base64", i, len(sum), sha256.Size)
		}
	}
	return l, nil
}

// landed says whether the load is there already. Another load under its name is a problem.
func (g *Gateway) landed(ctx context.Context, key string, l Load) (bool, *Problem) {
	sum, there, err := g.Landing.Checksum(ctx, key)
	switch {
	case err != nil:
		return false, g.lost("look for the object", err)
	case there && sum != composite(l.SHA256):
		return false, problem(http.StatusConflict, "%q is another load: choose another name", key)
	}
	return there, nil
}

// composite is how S3 writes the checksum of an object that was put in parts: the hash of their hashes, and their
// number ("Checking object integrity in Amazon S3").
func composite(sums [][]byte) string {
	h := sha256.New()
	for _, sum := range sums {
		h.Write(sum)
	}
	return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(h.Sum(nil)), len(sums))
}

// lost answers a call of S3 that failed.
func (g *Gateway) lost(attempt string, err error) *Problem {
	g.Log.Warn("load failed", "attempt", attempt, "error", err)
	return problem(http.StatusServiceUnavailable, "%s: S3 did not answer as it should: try again", attempt)
}
