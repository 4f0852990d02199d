package local

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"dip/contract"
	"dip/internal/terminal"
)

// gatewayProducer is who may send records to a local stack: whoever has its key.
const gatewayProducer = "local"

// tokensSecret is the name of the secret with the gateway's tokens.
const tokensSecret = "dip-gateway-tokens"

// Memory of the gateway's requests, MiB, and its time to end, seconds.
const gatewayBufferMB, gatewayGrace = "128", "3"

// GatewayToken is the token that the stack's gateway takes. It follows from the emulator's key, and ends with it.
func (d Daemon) GatewayToken() string {
	h := hmac.New(sha256.New, []byte(d.Key.Secret))
	h.Write([]byte("gateway"))
	return "dip_" + hex.EncodeToString(h.Sum(nil))
}

// streamed are the segments whose records arrive by stream.
func streamed(o contract.StackOutputs[string]) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(o.Segments)), func(name string) bool {
		return o.Segments[name].Stream == nil
	})
}

// runGateway has the process that runs the stack run its gateway too, if records arrive by stream, and adds it to the
// outputs.
func (s *Stack) runGateway(ctx context.Context, show *terminal.Steps) error {
	segments := streamed(s.Outputs)
	if s.Outputs.Gateway != nil || len(segments) == 0 {
		return nil
	}
	return show.Run("gateway", func(say func(string, ...any)) (string, error) {
		tokens, err := s.putTokens(ctx, segments)
		if err != nil {
			return "", err
		}
		run, err := s.gatewayRun(tokens)
		if err != nil {
			return "", err
		}
		if err := writeJSON(s.place.gateway(), run); err != nil {
			return "", err
		}
		say("starting")
		url, err := s.place.awaitGateway(ctx, run)
		if err != nil {
			return "", err
		}
		s.Outputs.Gateway = &contract.GatewayOutputs[string]{URL: url, Tokens: &tokens}
		return "serving at " + url, nil
	})
}

// putTokens makes the secret with the tokens' hashes, or changes it, and returns its ARN.
func (s *Stack) putTokens(ctx context.Context, segments []string) (string, error) {
	type token struct {
		SHA256 string `json:"sha256"`
	}
	type producer struct {
		Segments []string `json:"segments"`
		Tokens   []token  `json:"tokens"`
	}
	sum := sha256.Sum256([]byte(s.Daemon.GatewayToken()))
	document, err := json.Marshal(map[string]any{"producers": map[string]producer{
		gatewayProducer: {segments, []token{{hex.EncodeToString(sum[:])}}},
	}})
	if err != nil {
		return "", err
	}
	name, text := tokensSecret, string(document)
	secrets := secretsmanager.NewFromConfig(s.AWSConfig())
	made, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	if err == nil {
		return *made.ARN, nil
	}
	if exists := new(types.ResourceExistsException); !errors.As(err, &exists) {
		return "", fmt.Errorf("make the gateway's tokens: %w", err)
	}
	old, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", fmt.Errorf("read the gateway's tokens: %w", err)
	}
	if old.SecretString != nil && *old.SecretString == text {
		return *old.ARN, nil
	}
	put, err := secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text})
	if err != nil {
		return "", fmt.Errorf("put the gateway's tokens: %w", err)
	}
	return *put.ARN, nil
}

// gatewayRun is how the gateway of the stack runs: the program that was built with the functions, by their fingerprint.
func (s *Stack) gatewayRun(tokens string) (gatewayRun, error) {
	program := filepath.Join(s.options.artifacts(), "bin", contract.Gateway)
	binary, err := os.ReadFile(program)
	if err != nil {
		return gatewayRun{}, fmt.Errorf("read the gateway's program: %w", err)
	}
	sum := sha256.Sum256(binary)
	code := hex.EncodeToString(sum[:])
	env, err := contract.Render[string](contract.GatewayEnv[string]{
		Common: contract.Common[string]{Stack: s.options.Stack, Code: code, LedgerTable: s.Outputs.LedgerTable,
			LakeBucket: s.Outputs.LakeBucket},
		Catalog: s.Outputs.Catalog, LandingBucket: s.Outputs.LandingBucket, Tokens: tokens, Listen: gatewayHost + ":0",
		BufferMB: gatewayBufferMB, GraceSeconds: gatewayGrace,
	})
	return gatewayRun{Program: program, Env: env}, err
}

// awaitGateway waits until the gateway that was asked for answers, and returns its URL.
func (p place) awaitGateway(ctx context.Context, run gatewayRun) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, gatewayStart,
		fmt.Errorf("the gateway is not ready within %s: see %s", gatewayStart, p.log("gateway")))
	defer cancel()
	ticker := time.NewTicker(daemonPoll)
	defer ticker.Stop()
	for {
		var now gatewayRunning
		if ok, err := readJSON(p.gatewayRunning(), &now); err == nil && ok && now.Run == run.id() && answers(ctx, now.URL) {
			return now.URL, nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// answers asks a gateway whether it is ready.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}
