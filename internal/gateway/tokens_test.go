package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// documentOf is a document with one producer.
func documentOf(producer, segment string, tokens ...string) string {
	var list []string
	for _, one := range tokens {
		list = append(list, fmt.Sprintf(`{"sha256":%q}`, hashOf(one)))
	}
	return fmt.Sprintf(`{"producers":{%q:{"segments":[%q],"tokens":[%s]}}}`, producer, segment,
		strings.Join(list, ","))
}

// secret is a document in memory.
type secret struct {
	mu   sync.Mutex
	text string
	err  error
}

func (s *secret) Read(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.text), s.err
}

func (s *secret) change(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

func TestParseTokens(t *testing.T) {
	for _, c := range []struct {
		document string
		want     []string // in the error; nil: there is none
	}{
		{documentOf("a", "readings", "one", "two"), nil},
		{`{"producers":{}}`, nil},
		{`{"producers":{"a":{"segments":["s"],"tokens":[]}}}`, nil},
		{`{`, []string{"read the tokens"}},
		{`{"producers":{}} {}`, []string{"more data follows"}},
		{`{"producer":{}}`, []string{`unknown field "producer"`}},
		{`{"producers":{"a":{"segments":[],"tokens":[{"sha256":"00"},{"sha256":"x"}]},"":{"segments":["s"]}}}`,
			[]string{`producer "a": want a name and at least one segment`, `producer "a": tokens[0].sha256`,
				`producer "a": tokens[1].sha256`, `producer "": want a name`}},
		{`{"producers":{"a":{"segments":["s"],"tokens":[{"sha256":"` + hashOf("x") + `"}]},
			"b":{"segments":["s"],"tokens":[{"sha256":"` + strings.ToUpper(hashOf("x")) + `"}]}}}`,
			[]string{`producer "b": tokens[0] is also a token of producer "a"`}},
	} {
		_, err := ParseTokens([]byte(c.document))
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.document, err)
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", c.document, err, want)
			}
		}
	}
}

func TestFind(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	ring, err := ParseTokens([]byte(fmt.Sprintf(`{"producers":{
		"a":{"segments":["readings"],"tokens":[{"sha256":%q},{"sha256":%q,"expires":"2026-11-27T12:00:00Z"}]},
		"b":{"segments":["readings","events"],"tokens":[{"sha256":%q}]}}}`, hashOf("a1"), hashOf("a2"), hashOf("b1"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		token    string
		at       time.Time
		producer string
		detail   string
	}{
		{"a1", noon, "a", ""}, {"b1", noon, "b", ""},
		{"a2", noon.Add(-time.Nanosecond), "a", ""}, {"a2", noon, "", "the token has expired"},
		{"a3", noon, "", "the token is unknown"}, {"", noon, "", "the token is unknown"},
		{hashOf("a1"), noon, "", "the token is unknown"},
	} {
		p, refused := ring.Find(c.token, c.at)
		if p.Name != c.producer || (refused == nil) != (c.detail == "") {
			t.Errorf("%q: %+v, %+v", c.token, p, refused)
		}
		if refused != nil && (refused.Status != http.StatusUnauthorized || refused.Detail != c.detail ||
			refused.header["WWW-Authenticate"] == "") {
			t.Errorf("%q: %+v", c.token, refused)
		}
	}
	if p, _ := ring.Find("b1", noon); !p.May("events") || p.May("trips") {
		t.Errorf("%+v", p)
	}
	if _, refused := (Keyring{}).Find("a1", noon); refused == nil {
		t.Error("an empty keyring has a token")
	}
}

func TestBearer(t *testing.T) {
	for value, want := range map[string]string{"Bearer abc": "abc", "bearer  abc ": "abc", "": "", "Bearer": "",
		"Bearer ": "", "Basic abc": "", "abc": ""} {
		h := http.Header{}
		h.Set("Authorization", value)
		got, p := bearer(h)
		if got != want || (p == nil) != (want != "") || p != nil && strings.Contains(p.Detail, "abc") {
			t.Errorf("%q: %q, %+v", value, got, p)
		}
	}
}

// Tokens change without a restart: two are valid at once, and a document that cannot be read changes nothing.
func TestTokensAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var log bytes.Buffer
		s := &secret{err: errors.New("throttled")}
		tokens := &Tokens{Document: s, Log: slog.New(slog.NewTextHandler(&log, nil))}
		valid := func(token string) bool {
			h := http.Header{}
			h.Set("Authorization", "Bearer "+token)
			_, p := tokens.Authenticate(&http.Request{Header: h})
			return p == nil
		}
		go tokens.Watch(ctx)
		synctest.Wait()
		if tokens.Loaded() || valid("old") {
			t.Error("tokens were loaded from nothing")
		}
		for _, step := range []struct {
			text string
			err  error
			old  bool
			next bool
		}{
			{documentOf("a", "readings", "old"), nil, true, false},
			{documentOf("a", "readings", "old", "next"), nil, true, true},
			{"", errors.New("reset"), true, true},
			{"{", nil, true, true},
			{documentOf("a", "readings", "next"), nil, false, true},
		} {
			s.change(step.text, step.err)
			time.Sleep(reload)
			synctest.Wait()
			if valid("old") != step.old || valid("next") != step.next || !tokens.Loaded() {
				t.Errorf("%s, %v: old %t, next %t", step.text, step.err, valid("old"), valid("next"))
			}
		}
		if n := strings.Count(log.String(), "reload of tokens failed"); n != 3 {
			t.Errorf("%d failures are logged:\n%s", n, &log)
		}
	})
}

// A document is read as a whole or not at all.
func FuzzParseTokens(f *testing.F) {
	f.Add([]byte(documentOf("a", "readings", "one")), "one")
	f.Fuzz(func(t *testing.T, document []byte, token string) {
		ring, err := ParseTokens(document)
		if err != nil {
			return
		}
		p, refused := ring.Find(token, time.Time{})
		if refused == nil && (p.Name == "" || len(p.Segments) == 0) {
			t.Errorf("%s: %q belongs to %+v", document, token, p)
		}
	})
}
