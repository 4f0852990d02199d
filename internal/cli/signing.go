package cli

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/terminal"
	"dip/internal/verify"
)

func (a *app) publicKeyCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "public-key", Short: "Print the key that a stack's certificates are signed with", Args: cobra.NoArgs,
		Long: "Public-key prints the public half of the stack's signing key as PEM, and its fingerprint: the SHA-256 of\n" +
			"the key in DER. Keep both where those who may change the stack cannot: whoever verifies with a key that a\n" +
			"forger handed out verifies nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			stack, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			key, err := client.FetchPublicKey(cmd.Context(), stack.KMS, stack.Outputs.SigningKey)
			if err != nil {
				return err
			}
			text := key.PEM
			if out != "" {
				if err := os.WriteFile(out, []byte(key.PEM), 0o644); err != nil {
					return fmt.Errorf("write the public key: %w", err)
				}
				text = ""
			}
			a.screen.Notef("fingerprint %s", key.Fingerprint)
			return a.result(key, text)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write the key to, instead of standard output")
	return cmd
}

func (a *app) verifyChainCommand() *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use: "verify-chain SEGMENT", Short: "Prove that no certificate of a segment was removed or replaced",
		Long: "Verify-chain walks a segment's certificates from the newest, which the ledger names, to the first: each\n" +
			"must have the SHA-256 that the one after it names. --public-key checks every signature too. The data are not\n" +
			"read: dip certificate --verify proves those of one load.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := publicKey(keyFile)
			if err != nil {
				return err
			}
			o := verify.ChainOptions{Segment: args[0], PublicKey: key}
			stack, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			if err := stack.CheckSegment(o.Segment); err != nil {
				return err
			}
			return a.verifyChain(cmd.Context(), stack, o)
		},
	}
	cmd.Flags().StringVar(&keyFile, "public-key", "", "PEM `FILE` with the key that the certificates must be signed with")
	return cmd
}

func (a *app) verifyChain(ctx context.Context, stack *client.Stack, o verify.ChainOptions) error {
	var done, total atomic.Int64
	stop := a.animate(func(time.Duration) []string {
		return []string{fmt.Sprintf("verifying  %s of %s certificates", terminal.Count(done.Load()),
			terminal.Count(total.Load()))}
	})
	o.Lake, o.Progress = stack.Lake, func(d, t int64) { done.Store(d); total.Store(t) }
	report, err := client.VerifyChain(ctx, stack.Ledger, o)
	stop()
	if err != nil {
		return fmt.Errorf("verify the chain of segment %s: %w", o.Segment, err)
	}
	err = a.result(report, chainText(report))
	if !report.Verified {
		err = errors.Join(err, &unprovenError{fmt.Sprintf("the chain of segment %s is broken", report.Segment),
			report.Problems})
	}
	return err
}

func chainText(r verify.ChainReport) string {
	pending := ""
	if r.Pending > 0 {
		pending = fmt.Sprintf(", %s not written yet", terminal.Count(r.Pending))
	}
	return fmt.Sprintf("%s  %s\n  %s%s; %s\n  %s\n", r.Segment, verdict(r.Verified),
		plural(int(r.Certificates), "certificate"), pending, plural(r.Checks, "check"), r.SignatureText())
}

// publicKey reads the key of a flag; nil if the flag is not given.
func publicKey(file string) (*ecdsa.PublicKey, error) {
	if file == "" {
		return nil, nil
	}
	key, err := verify.ReadPublicKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", client.ErrNotFound, err)
	}
	return key, err
}
