package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func attested() Certificate {
	return Certificate{
		Version: 1, Load: "L", Segment: "trips", Stack: "dev", Catalog: "catalog/1.json",
		Input: Object{Bucket: "landing", Key: "trips/a.csv", VersionID: "v1", Size: 100, ETag: "e"},
		Chunks: []ChunkProof{
			{Ack: Ack{Start: 8, End: 50, HashOut: "h1", HashBad: "h2", Outputs: []Output{{Key: "data/k", SHA256: "s1"}},
				Quarantine: &Output{Key: "quarantine/k", SHA256: "s2"}}},
			{Chunk: 1, Ack: Ack{Start: 50, End: 100, HashOut: "h3", HashBad: "h4"}},
		},
		Totals:   Totals{Chunks: 2, RowsIn: 3, Codes: []string{"c"}},
		Received: utc, Certified: utc, Link: &Link{Number: 2, Load: "K", SHA256: "s0"},
	}
}

// The signed statement is a documented file: its names are API. The digest dipChunkSums is what sha256sum says of
// "8 50 h1 h2\n50 100 h3 h4\n".
func TestStatementGolden(t *testing.T) {
	got, err := json.MarshalIndent(NewStatement(attested(), "lake", "s3", "s4"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [
    {
      "name": "s3://landing/trips/a.csv?versionId=v1",
      "digest": {
        "dipChunkSums": "cca70900f337c4bd7153f7224466a30a626ee54c6375e7b93406cdcc1ec4a5b9",
        "s3ETag": "e"
      }
    },
    {
      "name": "s3://lake/manifests/trips/L",
      "digest": {
        "sha256": "s4"
      }
    },
    {
      "name": "s3://lake/data/k",
      "digest": {
        "sha256": "s1"
      }
    },
    {
      "name": "s3://lake/quarantine/k",
      "digest": {
        "sha256": "s2"
      }
    }
  ],
  "predicateType": "urn:dip:certificate:v1",
  "predicate": {
    "version": 1,
    "certificate": {
      "name": "s3://lake/certificates/trips/L.json",
      "digest": {
        "sha256": "s3"
      }
    },
    "load": "L",
    "segment": "trips",
    "stack": "dev",
    "catalog": "catalog/1.json",
    "totals": {
      "chunks": 2,
      "rowsIn": 3,
      "rowsOut": 0,
      "quarantined": 0,
      "linesIn": 0,
      "linesQuarantined": 0,
      "bytes": 0,
      "bytesOut": 0,
      "hashOut": "",
      "hashQuarantined": "",
      "attempts": 0,
      "codes": [
        "c"
      ]
    },
    "link": {
      "number": 2,
      "load": "K",
      "sha256": "s0"
    },
    "received": "2026-01-31T12:00:00Z",
    "certified": "2026-01-31T12:00:00Z"
  }
}`
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
	plain := attested()
	plain.Input.ETag = ""
	if digest := NewStatement(plain, "lake", "", "").Subject[0].Digest; len(digest) != 1 {
		t.Errorf("an input without an ETag has the digests %v", digest)
	}
}

// Source of the first one: "DSSE Protocol" 1.0.2, test vectors.
func TestPAE(t *testing.T) {
	for want, payload := range map[string][2]string{
		"DSSEv1 29 http://example.com/HelloWorld 11 hello world": {"http://example.com/HelloWorld", "hello world"},
		"DSSEv1 0  0 ": {"", ""}, "DSSEv1 2 ü 3 a\nb": {"ü", "a\nb"},
	} {
		if got := PAE(payload[0], []byte(payload[1])); string(got) != want {
			t.Errorf("%q: %q", payload, got)
		}
	}
}

func TestEnvelope(t *testing.T) {
	payload := []byte(`{"a":"<>&"}`)
	data, err := NewEnvelope(payload, "sha256:k", []byte{1, 2, 3}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"payloadType":"application/vnd.in-toto+json","payload":"eyJhIjoiPD4mIn0=",` +
		`"signatures":[{"keyid":"sha256:k","sig":"AQID"}]}`
	if string(data) != want {
		t.Errorf("got %s", data)
	}
	e, got, err := ParseEnvelope(data)
	if err != nil || !bytes.Equal(got, payload) || e.Signatures[0].KeyID != "sha256:k" {
		t.Errorf("%+v, %q, %v", e, got, err)
	}
	loose := func(old, changed string) string { return strings.Replace(want, old, changed, 1) }
	for what, text := range map[string]string{
		"no JSON": "{", "a space": loose(":", ": "), "a final newline": want + "\n", "another field": loose("{", `{"x":1,`),
		"another case": loose("payload\"", "Payload\""), "another order": loose(`"keyid":"sha256:k","sig":"AQID"`,
			`"sig":"AQID","keyid":"sha256:k"`),
		"another type": loose("in-toto", "in-tote"), "loose bits": loose("0=", "1="), "URL-safe": loose("PD4m", "PD4_"),
		"an escape": loose("AQID", `A\u0051ID`), "no padding": loose("0=", "0"),
	} {
		if _, _, err := ParseEnvelope([]byte(text)); err == nil {
			t.Errorf("%s was accepted: %s", what, text)
		}
	}
}

func TestFingerprint(t *testing.T) {
	const der = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
	key, err := base64.StdEncoding.DecodeString(der)
	if err != nil {
		t.Fatal(err)
	}
	const want = "sha256:1aa0ad0054afc2f841e72ddbadb37e06f52b5c7621679bbe60fe3aa4c461c594" // by sha256sum
	if got := Fingerprint(key); got != want {
		t.Errorf("got %s", got)
	}
}
