package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// tokenEntry is a token in the gateway's secret; see gateway.ParseTokens.
type tokenEntry struct {
	SHA256  string     `json:"sha256"`
	Expires *time.Time `json:"expires,omitempty"`
}

func (a *app) tokenCommand() *cobra.Command {
	var out, of string
	var valid time.Duration
	cmd := &cobra.Command{
		Use:   "token --out FILE",
		Short: "Make a token for a producer, and the entry for the gateway's secret",
		Long: "Token writes a new random token to a file that only you can read, and prints the entry for the tokens of its\n" +
			"producer in the gateway's secret, which has nothing but the token's SHA-256:\n\n" +
			`  {"producers": {"plant-7": {"segments": ["readings"], "tokens": [ENTRY, ...]}}}` + "\n\n" +
			"A producer may have several tokens at once: add the new one, hand it over, then remove the old one. The\n" +
			"gateway reads the secret every 30 seconds. --of prints the entry of a token that exists.",
		Example: "  dip token --out plant-7.token --valid 2160h",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if (out == "") == (of == "") {
				return usagef("one of --out and --of is required")
			}
			if valid < 0 {
				return usagef("--valid must not be negative")
			}
			return a.token(out, of, valid, time.Now())
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write the new token to; it must not exist")
	cmd.Flags().StringVar(&of, "of", "", "`FILE` with a token to print the entry of")
	cmd.Flags().DurationVar(&valid, "valid", 0, "how long the token is valid; 0: until it is removed")
	return cmd
}

func (a *app) token(out, of string, valid time.Duration, now time.Time) error {
	var token string
	if of != "" {
		data, err := os.ReadFile(of)
		if err != nil {
			return fmt.Errorf("read the token: %w", err)
		}
		if token = strings.TrimSpace(string(data)); token == "" {
			return fmt.Errorf("%s has no token", of)
		}
	} else {
		token = "dip_" + rand.Text() // 130 random bits
		f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("write the token: %w", err)
		}
		_, err = f.WriteString(token + "\n")
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write the token: %w", err)
		}
	}
	sum := sha256.Sum256([]byte(token))
	entry := tokenEntry{SHA256: hex.EncodeToString(sum[:])}
	if valid > 0 {
		end := now.Add(valid).UTC().Truncate(time.Second)
		entry.Expires = &end
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	return a.result(entry, string(text)+"\n")
}
