package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dip/contract"
	"dip/internal/evidence"
)

var update = flag.Bool("update", false, "write the evidence in testdata again")

// offline proves the certificate in a folder. key may be nil.
func offline(t *testing.T, dir string, key *ecdsa.PublicKey) (Report, error) {
	t.Helper()
	folder, c, sum, err := evidence.Open(dir)
	if err != nil {
		return Report{}, err
	}
	return Certificate(t.Context(), Options{Lake: folder, Certificate: c, SHA256: sum, PublicKey: key})
}

// Files alone prove a certificate, and each of them counts.
func TestEvidenceInAFolder(t *testing.T) {
	unsigned := tampered(t)
	unsigned.certify(t)
	t.Run("not signed", func(t *testing.T) { evidenceInAFolder(t, unsigned, nil, 4+2*2) })
	w, key := signed(t)
	t.Run("not checked", func(t *testing.T) { evidenceInAFolder(t, w, nil, 6+2*2) })
	t.Run("signed", func(t *testing.T) { evidenceInAFolder(t, w, &key.PublicKey, 6+2*2) })
}

func evidenceInAFolder(t *testing.T, w *world, key *ecdsa.PublicKey, atLeast int) {
	dir := t.TempDir()
	if err := evidence.Write(t.Context(), w.objects, w.certificate, dir); err != nil {
		t.Fatal(err)
	}
	report, err := offline(t, dir, key)
	if err != nil || !report.Verified || (key != nil) != (report.Signature == SignatureVerified) ||
		report.RowsIn != w.certificate.Totals.RowsIn {
		t.Fatalf("%+v, %v", report, err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		changed := bytes.Clone(data)
		changed[len(changed)/2] ^= 1
		for what, write := range map[string]func() error{
			"changed": func() error { return os.WriteFile(file, changed, 0o644) },
			"cut off": func() error { return os.WriteFile(file, data[:len(data)-1], 0o644) },
			"removed": func() error { return os.Remove(file) },
		} {
			if err := write(); err != nil {
				return err
			}
			if report, err := offline(t, dir, key); err == nil && report.Verified {
				t.Errorf("%s %s: VERIFIED", file, what)
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || files < atLeast {
		t.Errorf("%d files, %v", files, err)
	}
}

// What was certified once can be proved by all later versions: the folder in testdata stays as it is.
func TestEvidenceOfOldStaysProvable(t *testing.T) {
	const dir = "testdata/evidence"
	if *update {
		d := csvDialect
		d.Header = true
		content := "id,price,score,day,at,ok,note\n1,1.5,2,2024-02-29,2024-01-02T03:04:05Z,true,\"a\nb\"\n" +
			"x,,,,,,\n2,,,,,,\"\xff\"\n3,,,,,,c\n"
		w := verifies(t, things(d, testSchema), []byte(content), 60)
		w.certify(t)
		if err := evidence.Write(t.Context(), w.objects, w.certificate, dir); err != nil {
			t.Fatal(err)
		}
	}
	report, err := offline(t, dir, nil)
	if err != nil || !report.Verified || report.RowsOut != 2 || report.Quarantined != 2 ||
		report.Signature != SignatureNotSigned {
		t.Errorf("%+v, %v", report, err)
	}
	folder, c, _, err := evidence.Open(dir)
	if err != nil || folder.Bucket() != lakeBucket || c.Version != contract.Version {
		t.Errorf("%+v, %v", c, err)
	}
}

// The same for what was signed once, with its key.
func TestSignedEvidenceOfOldStaysProvable(t *testing.T) {
	const dir, keyFile = "testdata/signed", "testdata/signed/key.pem"
	if *update {
		d := csvDialect
		d.Header = true
		content := "id,price,score,day,at,ok,note\n1,1.5,2,2024-02-29,2024-01-02T03:04:05Z,true,a\nx,,,,,,\n2,,,,,,b\n"
		w, key := verifies(t, things(d, testSchema), []byte(content), 60), newKey(t)
		w.link(t, key)
		if err := evidence.Write(t.Context(), w.objects, w.certificate, dir); err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		if err := os.WriteFile(keyFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ReadPublicKey(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	report, err := offline(t, dir, key)
	if err != nil || !report.Verified || report.RowsOut != 2 || report.Quarantined != 1 ||
		report.Signature != SignatureVerified {
		t.Errorf("%+v, %v", report, err)
	}
}
