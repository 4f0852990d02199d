package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Document is the secret that names the producers: JSON, see ParseTokens.
type Document interface {
	Read(ctx context.Context) ([]byte, error)
}

// Producer is who may send records.
type Producer struct {
	Name     string
	Segments []string // that it may send to

	all bool // it may send to all
}

// May says whether the producer may send to a segment.
func (p Producer) May(segment string) bool { return p.all || slices.Contains(p.Segments, segment) }

type token struct {
	hash     [sha256.Size]byte
	expires  time.Time // zero: never
	producer Producer
}

// Keyring is a document's tokens.
type Keyring struct{ tokens []token }

// ParseTokens reads a document: producers by name, each with its segments and the SHA-256, in hex, of each of its
// tokens. Several tokens of a producer are valid at once, so that they can be replaced one after the other:
//
//	{"producers": {"plant-7": {"segments": ["readings"], "tokens": [
//	  {"sha256": "9f86d081...", "expires": "2027-01-31T00:00:00Z"}, {"sha256": "60303ae2..."}]}}}
//
// A hash protects a token that cannot be guessed: make it of at least 128 random bits. The error names all problems.
func ParseTokens(data []byte) (Keyring, error) {
	var document struct {
		Producers map[string]struct {
			Segments []string `json:"segments"`
			Tokens   []struct {
				SHA256  string    `json:"sha256"`
				Expires time.Time `json:"expires"`
			} `json:"tokens"`
		} `json:"producers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return Keyring{}, fmt.Errorf("read the tokens: %w", err)
	}
	if decoder.More() {
		return Keyring{}, errors.New("read the tokens: more data follows the document")
	}
	var ring Keyring
	var problems []error
	owners := map[[sha256.Size]byte]string{}
	for _, name := range slices.Sorted(maps.Keys(document.Producers)) {
		p := document.Producers[name]
		if name == "" || len(p.Segments) == 0 {
			problems = append(problems, fmt.Errorf("producer %q: want a name and at least one segment", name))
		}
		for i, t := range p.Tokens {
			hash, err := hex.DecodeString(t.SHA256)
			if err != nil || len(hash) != sha256.Size {
				problems = append(problems, fmt.Errorf("producer %q: tokens[%d].sha256: want %d hex digits", name, i,
					2*sha256.Size))
				continue
			}
			one := token{[sha256.Size]byte(hash), t.Expires, Producer{Name: name, Segments: p.Segments}}
			if owner, ok := owners[one.hash]; ok {
				problems = append(problems,
					fmt.Errorf("producer %q: tokens[%d] is also a token of producer %q", name, i, owner))
			}
			owners[one.hash] = name
			ring.tokens = append(ring.tokens, one)
		}
	}
	return ring, errors.Join(problems...)
}

// Find gives the producer that a token belongs to. The time that it takes does not depend on which token matches, or
// whether one does.
func (k Keyring) Find(bearer string, now time.Time) (Producer, *Problem) {
	hash := sha256.Sum256([]byte(bearer))
	found := -1
	for i := range k.tokens {
		equal := subtle.ConstantTimeCompare(hash[:], k.tokens[i].hash[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	switch {
	case found < 0:
		return Producer{}, unauthorized("the token is unknown")
	case !k.tokens[found].expires.IsZero() && !now.Before(k.tokens[found].expires):
		return Producer{}, unauthorized("the token has expired")
	}
	return k.tokens[found].producer, nil
}

// bearer gives the token of a request. The problem never quotes the header: it may hold a secret.
func bearer(h http.Header) (string, *Problem) {
	scheme, text, _ := strings.Cut(h.Get("Authorization"), " ")
	if text = strings.TrimSpace(text); !strings.EqualFold(scheme, "Bearer") || text == "" {
		return "", unauthorized("want the header Authorization: Bearer TOKEN")
	}
	return text, nil
}

func unauthorized(reason string) *Problem {
	return problem(http.StatusUnauthorized, "%s", reason).with("WWW-Authenticate", `Bearer realm="dip"`)
}

// Tokens are the tokens that are valid now.
type Tokens struct {
	Document Document
	Log      *slog.Logger

	current atomic.Pointer[Keyring]
}

// reload is how often the document is read: a new or removed token counts after at most this long.
const reload = 30 * time.Second

// Watch reads the document at once and then periodically, until ctx ends. The tokens that were read last stay valid
// while it cannot be read.
func (t *Tokens) Watch(ctx context.Context) {
	ticker := time.NewTicker(reload)
	defer ticker.Stop()
	for {
		if err := t.load(ctx); err != nil && ctx.Err() == nil {
			t.Log.ErrorContext(ctx, "reload of tokens failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (t *Tokens) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reload)
	defer cancel()
	data, err := t.Document.Read(ctx)
	if err != nil {
		return err
	}
	ring, err := ParseTokens(data)
	if err != nil {
		return err
	}
	t.current.Store(&ring)
	return nil
}

// Loaded says whether the document has been read.
func (t *Tokens) Loaded() bool { return t.current.Load() != nil }

// Authenticate gives the producer of a request.
func (t *Tokens) Authenticate(r *http.Request) (Producer, *Problem) {
	ring := t.current.Load()
	if ring == nil {
		return Producer{}, problem(http.StatusServiceUnavailable, "the tokens are not loaded yet")
	}
	text, p := bearer(r.Header)
	if p != nil {
		return Producer{}, p
	}
	return ring.Find(text, time.Now())
}
