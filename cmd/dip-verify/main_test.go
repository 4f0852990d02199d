package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/internal/verify"
)

// Evidence of before certificates were signed, and of a signed one with its key.
const (
	folder       = "../../internal/verify/testdata/evidence"
	signedFolder = "../../internal/verify/testdata/signed"
	keyFile      = signedFolder + "/key.pem"
)

// start runs a command line.
func start(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestVerified(t *testing.T) {
	code, stdout, stderr := start(t, folder)
	if code != exitVerified || !strings.Contains(stdout, "  VERIFIED\n  rows in 4, out 2, quarantined 2; ") ||
		stderr != "" {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = start(t, "--json", folder)
	var report verify.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitVerified || !report.Verified {
		t.Errorf("exit %d\n%s%v", code, stdout, err)
	}
}

func TestSignature(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--public-key", keyFile, signedFolder}, exitVerified, "signature verified with the key\n  sha256:"},
		{[]string{signedFolder}, exitVerified, "signature not checked: no --public-key was given\n"},
		{[]string{folder}, exitVerified, "not signed\n"},
		{[]string{"--public-key", keyFile, folder}, exitUnproven, "the certificate is not signed"},
	} {
		code, stdout, stderr := start(t, c.args...)
		if code != c.code || !strings.Contains(stdout, c.want) || stderr != "" {
			t.Errorf("%v: exit %d\n%s%s", c.args, code, stdout, stderr)
		}
	}
	code, _, stderr := start(t, "--public-key", folder+"/certificate.json", signedFolder)
	if code != exitError || !strings.Contains(stderr, "want PEM") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

// A certificate that was kept elsewhere counts, not the one next to the data.
func TestAnotherCertificate(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(folder, "certificate.json"))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "kept.json")
	if err := os.WriteFile(other, bytes.Replace(data, []byte(`"rowsOut": 1,`), []byte(`"rowsOut": 2,`), 1),
		0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := start(t, "--certificate", other, folder)
	if code != exitUnproven || !strings.Contains(stdout, "NOT VERIFIED") || !strings.Contains(stdout, "rows out") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for want, args := range map[string][]string{
		"dip-verify DIR proves": {}, "flag provided but not defined": {"--nonsense", folder}, "--json": {folder, folder},
	} {
		if code, _, stderr := start(t, args...); code != exitUsage || !strings.Contains(stderr, strings.TrimLeft(want, "-")) {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
	if code, _, stderr := start(t, "--help"); code != exitVerified ||
		!strings.Contains(stderr, "dip certificate LOAD --download") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	for _, args := range [][]string{{t.TempDir()}, {"--certificate", filepath.Join(t.TempDir(), "none"), folder}} {
		if code, _, stderr := start(t, args...); code != exitError ||
			!strings.Contains(stderr, "dip-verify: read the certificate") {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
}
