package verify

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
)

// A certificate names the one before it, which must be there as it was.
func TestLink(t *testing.T) {
	w, key := signed(t)
	before := contract.CertificateKey("things", "K")
	encode := func(c contract.Certificate) []byte {
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		name string
		// The certificate before it, whose hash the link has if it is forged too.
		before *contract.Certificate
		forged bool
		link   contract.Link
		want   string
	}{
		{"removed", nil, false, *w.certificate.Link, "of load K, is missing"},
		{"replaced", &contract.Certificate{Load: "K", Segment: "things", Link: &contract.Link{Number: 1}, Stack: "x"}, false,
			*w.certificate.Link, "the certificate of load K has the SHA-256"},
		{"of another load", &contract.Certificate{Load: "J", Segment: "things", Link: &contract.Link{Number: 1}}, true,
			*w.certificate.Link, "is the certificate of load J"},
		{"of another segment", &contract.Certificate{Load: "K", Segment: "x", Link: &contract.Link{Number: 1}}, true,
			*w.certificate.Link, "of segment x"},
		{"with a gap", &contract.Certificate{Load: "K", Segment: "things", Link: &contract.Link{Number: 1}}, true,
			contract.Link{Number: 3, Load: "K"}, "which has the number 1"},
		{"not linked itself", &contract.Certificate{Load: "K", Segment: "things"}, true, *w.certificate.Link,
			"which has the number 0"},
		{"a first one that names another", nil, false, contract.Link{Number: 1, Load: "K"}, "link is {Number:1 Load:K"},
		{"a first one with a hash", nil, false, contract.Link{Number: 1, SHA256: "x"}, "link is {Number:1 Load: SHA256:x"},
		{"a number below", nil, false, contract.Link{}, "link is {Number:0"},
	} {
		changed := w.copy(t, before)
		changed.certificate.Link = &c.link
		if c.before != nil {
			data := encode(*c.before)
			changed.objects.Put(lakeBucket, before, data)
			if c.forged {
				changed.certificate.Link.SHA256 = lake.Hash(data)
			}
		}
		changed.sign(t, changed.statement(t), key)
		r := changed.prove(t, &key.PublicKey)
		if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], c.want) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	first := w.copy(t, before)
	first.certificate.Link = &contract.Link{Number: 1}
	first.sign(t, first.statement(t), key)
	if r := first.prove(t, &key.PublicKey); !r.Verified {
		t.Errorf("the first one of a chain: %+v", r)
	}
}

// series is a segment's chain: in the lake, and as the ledger has it.
type series struct {
	objects *laketest.Fake
	ledger  map[string]Recorded
	head    contract.Link
}

func (s series) copy() series {
	objects := laketest.New(lakeBucket)
	for key, content := range s.objects.Contents(lakeBucket) {
		objects.Put(lakeBucket, key, []byte(content))
	}
	return series{objects, maps.Clone(s.ledger), s.head}
}

// remove removes the file of a load's certificate.
func (s series) remove(load string) {
	s.objects.Delete(lakeBucket, contract.CertificateKey("things", load))
}

func nameOf(i int) string { return fmt.Sprint("load", i) }

// chained is a chain of n certificates signed with a key.
func chained(t *testing.T, n int, key *ecdsa.PrivateKey) series {
	t.Helper()
	s := series{laketest.New(lakeBucket), map[string]Recorded{}, contract.Link{Number: 1}}
	for i := 1; i <= n; i++ {
		s.append(t, nameOf(i), "dev", key)
	}
	return s
}

func (s *series) append(t *testing.T, load, stack string, key *ecdsa.PrivateKey) {
	t.Helper()
	link := s.head
	c := contract.Certificate{Load: load, Segment: "things", Stack: stack, Link: &link}
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, c, data, key)
	s.ledger[load] = Recorded{Link: &link, SHA256: lake.Hash(data)}
	s.head = contract.Link{Number: link.Number + 1, Load: load, SHA256: lake.Hash(data)}
}

func (s *series) put(t *testing.T, c contract.Certificate, data []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	s.objects.Put(lakeBucket, contract.CertificateKey("things", c.Load), data)
	payload, err := json.Marshal(contract.NewStatement(c, lakeBucket, lake.Hash(data), lake.Hash(nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.objects.Put(lakeBucket, contract.EnvelopeKey("things", c.Load), envelope(t, payload, key, fingerprint(t, key)))
}

func (s series) options(key *ecdsa.PublicKey) ChainOptions {
	return ChainOptions{Lake: s.objects, Segment: "things", Head: s.head, PublicKey: key,
		Recorded: func(_ context.Context, load string) (Recorded, error) { return s.ledger[load], nil }}
}

func (s series) prove(t *testing.T, key *ecdsa.PublicKey) ChainReport {
	t.Helper()
	r, err := Chain(t.Context(), s.options(key))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChain(t *testing.T) {
	key := newKey(t)
	for n := range 4 {
		s := chained(t, n, key)
		if r := s.prove(t, nil); !r.Verified || r.Certificates != int64(n) || r.Signature != SignatureNotChecked ||
			r.Segment != "things" {
			t.Errorf("%d: %+v", n, r)
		}
		seen := []int64{}
		o := s.options(&key.PublicKey)
		o.Progress = func(done, total int64) { seen = append(seen, done, total) }
		r, err := Chain(t.Context(), o)
		if err != nil || !r.Verified || r.Signature != SignatureVerified || len(seen) != 2*n ||
			n > 0 && (seen[2*n-2] != int64(n) || seen[2*n-1] != int64(n) || r.Key != fingerprint(t, key)) {
			t.Errorf("%d: %+v, %v, progress %v", n, r, err, seen)
		}
	}
}

// A certificate that is removed or replaced is found wherever it stands, and is the only one that is blamed.
func TestTamperedChain(t *testing.T) {
	key, mine := newKey(t), newKey(t)
	whole := chained(t, 4, key)
	for i := 1; i <= 4; i++ {
		load := nameOf(i)
		at := contract.CertificateKey("things", load)
		file := []byte(whole.objects.Contents(lakeBucket)[at])
		var was contract.Certificate
		if err := json.Unmarshal(file, &was); err != nil {
			t.Fatal(err)
		}
		forged := was
		forged.Stack = "forged"
		data, err := forged.Encode()
		if err != nil {
			t.Fatal(err)
		}
		record := whole.ledger[load]
		rerouted := was
		rerouted.Link = &contract.Link{Number: was.Link.Number, Load: "elsewhere", SHA256: "x"}
		detour, err := rerouted.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, want string
			edit       func(s *series)
			keyed      bool // found with the key only
		}{
			{"removed", "the certificate is missing", func(s *series) { s.remove(load) }, false},
			{"replaced", "has the SHA-256 " + lake.Hash(data), func(s *series) { s.put(t, forged, data, mine) }, false},
			{"replaced, with another one before it", "has the SHA-256", func(s *series) {
				s.put(t, rerouted, detour, mine)
			}, false},
			{"no JSON", "has the SHA-256", func(s *series) { s.objects.Put(lakeBucket, at, []byte("{")) }, false},
			{"its envelope removed", "is not signed", func(s *series) {
				s.objects.Delete(lakeBucket, contract.EnvelopeKey("things", load))
			}, true},
			{"signed by a forger", "is signed with the key " + fingerprint(t, mine), func(s *series) {
				s.put(t, was, file, mine)
			}, true},
			{"another hash in the ledger", `the SHA-256 "x"`, func(s *series) {
				s.ledger[load] = Recorded{Link: record.Link, SHA256: "x"}
			}, false},
			{"another number in the ledger", "{Number:9", func(s *series) {
				s.ledger[load] = Recorded{Link: &contract.Link{Number: 9}, SHA256: record.SHA256}
			}, false},
			{"not in the ledger", `{Number:0 Load: SHA256:} and the SHA-256 ""`, func(s *series) {
				delete(s.ledger, load)
			}, false},
		} {
			s := whole.copy()
			c.edit(&s)
			for _, given := range []*ecdsa.PublicKey{nil, &key.PublicKey} {
				r := s.prove(t, given)
				problems := strings.Join(r.Problems, "\n")
				if given == nil && c.keyed {
					if !r.Verified {
						t.Errorf("number %d, %s, without a key: %+v", i, c.name, r)
					}
					continue
				}
				prefix := fmt.Sprintf("number %d, load %s: ", i, load)
				if r.Verified || !strings.Contains(problems, c.want) ||
					strings.Count(problems, prefix) != len(r.Problems) || r.Certificates != 4 {
					t.Errorf("number %d, %s (key given: %t): %+v", i, c.name, given != nil, r)
				}
			}
		}
	}
}

// Who may write the lake and builds a whole chain anew, from a certificate on, is found by the ledger's head.
func TestForgedChain(t *testing.T) {
	key := newKey(t)
	whole := chained(t, 4, key)
	forged := whole.copy()
	forged.ledger, forged.head = map[string]Recorded{}, *whole.ledger[nameOf(2)].Link
	for i := 2; i <= 4; i++ {
		forged.append(t, nameOf(i), "forged", newKey(t))
	}
	if r := forged.prove(t, nil); !strings.Contains(strings.Join(r.Problems, ""), "number 1, load load1") {
		t.Errorf("with a forged ledger that lacks the first one: %+v", r)
	}
	forged.ledger, forged.head = maps.Clone(whole.ledger), whole.head
	if r := forged.prove(t, nil); r.Verified {
		t.Errorf("%+v", r)
	}
	// Neither the certificate nor the ledger says how it goes on: the walk ends there.
	for _, load := range []string{nameOf(3), nameOf(2)} {
		delete(forged.ledger, load)
	}
	if r := forged.prove(t, nil); r.Verified || len(r.Problems) == 0 {
		t.Errorf("%+v", r)
	}
	endless := whole.copy()
	endless.remove(nameOf(3))
	endless.ledger[nameOf(3)] = Recorded{Link: &contract.Link{Number: 9, Load: nameOf(3)}}
	if r := endless.prove(t, nil); r.Verified || len(r.Problems) != 2 {
		t.Errorf("a ledger that leads in a circle: %+v", r)
	}
	shorter := whole.copy()
	shorter.remove(nameOf(4))
	shorter.head = *whole.ledger[nameOf(4)].Link
	if r := shorter.prove(t, nil); !r.Verified || r.Certificates != 3 {
		t.Errorf("a head that is set back with the ledger's rights is not noticed here: %+v", r)
	}
	odd := chained(t, 0, key)
	odd.head = contract.Link{Number: 1, Load: "x", SHA256: "y"}
	odd.append(t, nameOf(1), "dev", key)
	if r := odd.prove(t, nil); r.Verified ||
		!strings.Contains(r.Problems[0], "the first certificate of the chain links to") {
		t.Errorf("%+v", r)
	}
}

// A certificate that is still being written is none that was removed.
func TestPendingCertificate(t *testing.T) {
	key := newKey(t)
	s := chained(t, 3, key)
	last := s.ledger[nameOf(3)]
	last.Unpublished = true
	s.ledger[nameOf(3)] = last
	s.objects.Delete(lakeBucket, contract.EnvelopeKey("things", nameOf(3)))
	if r := s.prove(t, &key.PublicKey); !r.Verified || r.Pending != 0 {
		t.Errorf("without its envelope: %+v", r)
	}
	s.remove(nameOf(3))
	if r := s.prove(t, &key.PublicKey); !r.Verified || r.Pending != 1 || r.Certificates != 3 {
		t.Errorf("without its certificate: %+v", r)
	}
}

// What cannot be read this time is an error, not a verdict.
func TestChainThatCannotBeRead(t *testing.T) {
	key := newKey(t)
	s := chained(t, 2, key)
	o := s.options(&key.PublicKey)
	for key := range s.objects.Contents(lakeBucket) {
		s.objects.Before = func(op laketest.Op) error {
			if op.Key == key {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if _, err := Chain(t.Context(), o); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", key, err)
		}
	}
	o = s.options(nil)
	o.Recorded = func(context.Context, string) (Recorded, error) { return Recorded{}, io.ErrUnexpectedEOF }
	if _, err := Chain(t.Context(), o); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
