package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/evidence"
	"dip/internal/stream/streamtest"
)

// An interval is proven from its files as a load is; without one of them, or with another one, it is not.
func TestInterval(t *testing.T) {
	l := streamtest.New(t, 2, 120)
	for i := range 6 {
		l.Put(i%2, fmt.Sprint("a", i), fmt.Sprintf(`{"v":%d}`, i))
	}
	l.Close()
	l.Put(0, "a0", `{"v":0}`)
	l.Put(0, "", `{"v":"x"}`)
	l.Put(1, "b", `{"v":7}`)
	data, err := l.Lake.Get(t.Context(), contract.CertificateKey(streamtest.Segment, l.Close()[0]))
	if err != nil {
		t.Fatal(err)
	}
	var c contract.Certificate
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := evidence.Write(t.Context(), l.Lake, c, dir); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&l.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := start(t, "--public-key", key, dir)
	if code != exitVerified || !strings.Contains(stdout, "  VERIFIED\n  rows in 2, out 1, quarantined 1; ") ||
		!strings.Contains(stdout, "signature verified") || stderr != "" {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "certificate.json" {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for what, change := range map[string]func() error{
			"gone":  func() error { return os.Remove(path) },
			"other": func() error { return os.WriteFile(path, append([]byte{'x'}, content...), 0o600) },
		} {
			if err := change(); err != nil {
				return err
			}
			if code, stdout, _ := start(t, "--public-key", key, dir); code != exitUnproven {
				t.Errorf("%s is %s: exit %d\n%s", path, what, code, stdout)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || files < 9 {
		t.Errorf("%d files, %v", files, err)
	}
}
