// Command dip-verify proves a certificate from files alone: it needs no stack, no network and no credentials.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"dip/internal/evidence"
	"dip/internal/verify"
)

// The exit codes; see `dip help exit-codes`.
const (
	exitVerified = 0
	exitError    = 1
	exitUsage    = 2
	exitUnproven = 4
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dip-verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	certificate := flags.String("certificate", "", "`FILE` with the certificate to prove, instead of the one in DIR")
	key := flags.String("public-key", "", "PEM `FILE` with the key that the certificate must be signed with; see "+
		"`dip public-key`")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprint(stderr, "dip-verify DIR proves the certificate of a load from the files that `dip certificate LOAD "+
			"--download DIR` has written.\n\n")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitVerified
	case err != nil:
		return exitUsage
	case flags.NArg() != 1:
		flags.Usage()
		return exitUsage
	}
	report, err := prove(ctx, flags.Arg(0), *certificate, *key)
	if err == nil && *asJSON {
		err = json.NewEncoder(stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintf(stderr, "dip-verify: %v\n", err)
		return exitError
	}
	if !*asJSON {
		print(stdout, report)
	}
	if !report.Verified {
		return exitUnproven
	}
	return exitVerified
}

func prove(ctx context.Context, dir, certificate, key string) (verify.Report, error) {
	folder, c, sum, err := evidence.Open(dir)
	if err == nil && certificate != "" {
		c, sum, err = evidence.Certificate(certificate)
	}
	if err != nil {
		return verify.Report{}, err
	}
	o := verify.Options{Lake: folder, Certificate: c, SHA256: sum}
	if key != "" {
		if o.PublicKey, err = verify.ReadPublicKey(key); err != nil {
			return verify.Report{}, err
		}
	}
	return verify.Certificate(ctx, o)
}

func print(w io.Writer, r verify.Report) {
	verdict := "VERIFIED"
	if !r.Verified {
		verdict = "NOT VERIFIED"
	}
	fmt.Fprintf(w, "%s  %s\n  rows in %d, out %d, quarantined %d; %d checks\n  %s\n", r.Load, verdict, r.RowsIn,
		r.RowsOut, r.Quarantined, r.Checks, r.SignatureText())
	for _, p := range r.Problems {
		fmt.Fprintf(w, "  %s\n", p)
	}
}
