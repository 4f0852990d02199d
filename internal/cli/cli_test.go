package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/ledger"
	"dip/internal/terminal"
	"dip/internal/verify"
)

// run runs a command line against a stack that cannot be reached.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{screen: &terminal.Screen{Out: &out, Err: &errs}}
	a.connect = func(context.Context) (*client.Stack, error) { return nil, errors.New("no stack here") }
	code = a.run(t.Context(), args)
	return code, out.String(), errs.String()
}

func TestWrongCommandLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, text := range map[string]string{
		"put":                                    "requires at least 1 arg",
		"put " + file:                            "--segment is required",
		"put - --segment trips":                  "standard input needs --key",
		"put a b --segment s --key s/k":          "--key takes a single file",
		"put " + file + " --segment s --key t/k": "keys of this segment begin with s/",
		"put " + file + " x/a.csv --segment s":   "same key",
		"put --nonsense":                         "unknown flag",
		"status --watch":                         "--watch needs a LOAD",
		"status a b":                             "accepts at most 1 arg",
		"loads --status done":                    "want one of",
		"loads --since 2d":                       "invalid argument",
		"quarantine":                             "accepts 1 arg",
		"certificate a --public-key k":           "--public-key needs --verify",
		"certificate " + signedFolder + " --download x": "is a download already",
		"verify-chain":                                           "accepts 1 arg",
		"restore-drill --dry-run":                                "--lake and --landing are required",
		"maintenance --hold 48h":                                 "--hold takes a time above zero, and --reason",
		"maintenance --reason r":                                 "--hold takes a time above zero, and --reason",
		"maintenance --hold -1h --reason r":                      "--hold takes a time above zero, and --reason",
		"wake --for -1h":                                         "--for must be positive",
		"restore-drill --lake a --landing b":                     "give either --table or --dry-run",
		"restore-drill --lake a --landing b --table c --dry-run": "give either --table or --dry-run",
		"redrive":                                         "is required",
		"generate trips --out x":                          "--size and --out are required",
		"generate trips --out x --size many":              "want a number",
		"generate trips --out x --size 1MB --bad-share 2": "between 0 and 1",
		"generate weather --out x --size 1MB":             "invalid argument",
		"local up --input-size 3":                         "at least 1.0 MB",
		"send":                                            "accepts 1 arg",
		"send f":                                          "--segment is required",
		"send f --segment s --parallel 0":                 "want 1 to 64",
		"send - --segment s --state x":                    "standard input cannot be read again",
		"send f --segment s":                              "there is no token",
		"report a":                                        "--html is required",
		"report a --html f --public-key k":                "--public-key needs --verify",
		"tail":                                            "accepts 1 arg",
		"tail s --since 0s":                               "--since must be positive",
		"token":                                           "one of --out and --of is required",
		"token --out a --of b":                            "one of --out and --of is required",
		"schema infer":                                    "accepts 1 arg",
		"schema infer x --encoding tsv":                   "want \"csv\" or \"ndjson\"",
		"schema check a":                                  "accepts 2 arg",
		"schema check a b --encoding tsv":                 "want \"csv\" or \"ndjson\"",
	} {
		code, stdout, stderr := run(t, strings.Fields(line)...)
		if code != ExitUsage || !strings.Contains(stderr, text) || stdout != "" {
			t.Errorf("dip %s: exit %d, want %d; stderr %q, want %q in it", line, code, ExitUsage, stderr, text)
		}
	}
}

const (
	signedFolder = "../verify/testdata/signed"
	keyFile      = signedFolder + "/key.pem"
)

// A downloaded certificate is shown and proven without a stack.
func TestCertificateOfAFolder(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{signedFolder, ExitOK, "number     2 of its segment, after load K\n"},
		{signedFolder + " --verify", ExitOK, "signature not checked: no --public-key was given\n"},
		{signedFolder + " --verify --public-key " + keyFile, ExitOK, "signature verified with the key\n"},
		{signedFolder + " --verify --json --public-key " + keyFile, ExitOK, `"signature":"verified"`},
		{"../verify/testdata/evidence --verify", ExitOK, "not signed\n"},
		{"../verify/testdata/evidence --verify --public-key " + keyFile, ExitUnproven, "NOT VERIFIED"},
		{signedFolder + " --verify --public-key gone.pem", ExitNotFound, ""},
		{"nofolder", ExitError, ""},
	} {
		code, stdout, stderr := run(t, append([]string{"certificate"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(stdout, c.want) {
			t.Errorf("%s: exit %d\n%s%s", c.args, code, stdout, stderr)
		}
	}
}

func TestPublicKeyCommand(t *testing.T) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			KeyID string `json:"KeyId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.KeyID != "arn:key" {
			t.Errorf("asked for %+v, %v", ask, err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"PublicKey": %q}`, base64.StdEncoding.EncodeToString(block.Bytes))
	}))
	defer server.Close()
	out := filepath.Join(t.TempDir(), "key.pem")
	for _, args := range [][]string{{}, {"--out", out}, {"--json"}} {
		var stdout, stderr bytes.Buffer
		a := &app{screen: &terminal.Screen{Out: &stdout, Err: &stderr}}
		a.connect = func(context.Context) (*client.Stack, error) {
			cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
				Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
			return client.Connect("dev", cfg, client.Outputs{SigningKey: "arn:key"}), nil
		}
		code := a.run(t.Context(), append([]string{"public-key"}, args...))
		fingerprint := contract.Fingerprint(block.Bytes)
		if code != ExitOK || !strings.Contains(stderr.String(), "fingerprint "+fingerprint) {
			t.Errorf("%v: exit %d, %s", args, code, stderr.String())
		}
		want := map[int]string{0: string(text), 2: ""}[len(args)]
		if len(args) == 1 {
			encoded, err := json.Marshal(client.PublicKey{Key: "arn:key", Fingerprint: fingerprint, PEM: string(text)})
			if err != nil {
				t.Fatal(err)
			}
			want = string(encoded) + "\n"
		}
		if stdout.String() != want {
			t.Errorf("%v: got %s, want %s", args, stdout.String(), want)
		}
	}
	if written, err := os.ReadFile(out); err != nil || !bytes.Equal(written, text) {
		t.Errorf("wrote %s, %v", written, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	if code, _, stderr := run(t, "put", filepath.Join(t.TempDir(), "gone.csv"), "--segment",
		"trips"); code != ExitNotFound {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, "loads"); code != ExitError || !strings.Contains(stderr, "no stack here") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, ExitOK},
		{errors.New("x"), ExitError},
		{fmt.Errorf("w: %w", usagef("x")), ExitUsage},
		{errors.Join(nil, &client.FailedError{}), ExitFailed},
		{unproven(verify.Report{}), ExitUnproven},
		{unproven(verify.Report{Verified: true}), ExitOK},
		{fmt.Errorf("w: %w", client.ErrNotFound), ExitNotFound},
		{fmt.Errorf("w: %w", schemaError{errors.New("x")}), ExitSchema},
		{errors.Join(nil, rejectedError{errors.New("x")}), ExitRejected},
		{fmt.Errorf("w: %w", ledger.ErrNotFound), ExitNotFound},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
	for _, code := range []int{ExitOK, ExitError, ExitUsage, ExitFailed, ExitUnproven, ExitNotFound, ExitSchema,
		ExitRejected, ExitInterrupted} {
		if !strings.Contains(exitHelp, fmt.Sprintf("%5d  ", code)) {
			t.Errorf("the help does not explain exit code %d", code)
		}
	}
}

func TestInterruptedHasItsExitCode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	a := &app{screen: &terminal.Screen{Out: &out, Err: &out}}
	a.connect = func(ctx context.Context) (*client.Stack, error) {
		cancel()
		return nil, context.Cause(ctx)
	}
	if code := a.run(ctx, []string{"loads"}); code != ExitInterrupted {
		t.Errorf("exit %d, want %d", code, ExitInterrupted)
	}
}

func TestGenerateTellsWhatItWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trips.csv")
	code, stdout, stderr := run(t, "generate", "trips", "--size", "100kB", "--out", path, "--json")
	var result struct{ Rows, Bytes int64 }
	if err := json.Unmarshal([]byte(stdout), &result); code != ExitOK || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, stderr)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != result.Bytes || result.Bytes < 100_000 || result.Rows == 0 {
		t.Errorf("file %v, %v, result %+v", info, err, result)
	}
}

func TestErrorsCannotMoveTheCursor(t *testing.T) {
	if got := printableLines("a\x1b[2J\n\tb"); got != "a\\x1b[2J\n    b" {
		t.Errorf("%q", got)
	}
}

func TestBoardSpeaksOfChangesWithoutATerminal(t *testing.T) {
	var errs bytes.Buffer
	b := &board{screen: &terminal.Screen{Err: &errs}, loads: make([]client.Progress, 1)}
	for _, status := range []contract.Status{"", "", contract.Received, contract.Received, contract.Running,
		contract.Running, contract.Published} {
		b.show(0, client.Progress{Load: loadName, Status: status})
	}
	// landed, received, running; the result reports the rest
	if n := strings.Count(errs.String(), loadName[:shortID]); n != 3 {
		t.Errorf("%d lines:\n%s", n, errs.String())
	}
}

const loadName = "a15a39c4e7f2f00d0123456789abcdef"
