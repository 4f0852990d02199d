package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dip/internal/client"
	"dip/internal/gateway"
	"dip/internal/send"
	"dip/internal/terminal"
)

// Environment variables of dip send.
const (
	tokenVariable   = "DIP_TOKEN"
	gatewayVariable = "DIP_GATEWAY"
)

// patience is how long a run goes on without any progress.
const patience = 15 * time.Minute

type sendFlags struct {
	segment, url, tokenFile, id, state, rejects string
	parallel                                    int
	plain                                       bool
}

// sentResult is the result of a run.
type sentResult struct {
	Segment  string `json:"segment"`
	Records  int64  `json:"records"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
	Rejects  string `json:"rejects,omitempty"` // file with the refused ones
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send FILE|- --segment SEGMENT",
		Short: "Send the records of an NDJSON file through the gateway",
		Long: "Send puts the records of a file, one JSON object a line, into the stream of a segment, through the gateway.\n" +
			"It retries what the gateway could not take, and ends when the stream has every record. Records that the\n" +
			"gateway refuses are written to FILE" + rejectsSuffix + ", with their line numbers and reasons.\n\n" +
			"A run that was killed is started again with the same command: it goes on where FILE" + stateSuffix + " says,\n" +
			"and what arrived already is not doubled, as long as the segment looks back to it (stream.lookBack). That\n" +
			"needs a file, or records that have an id (--id): the records of standard input have none otherwise.\n\n" +
			"The token is read from " + tokenVariable + " or a file, never from an argument.",
		Example: "  dip send readings.ndjson --segment readings --token-file token\n" +
			"  zcat old.gz | dip send - --segment readings --id id --url https://gateway.example.com",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.send(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.segment, "segment", "s", "", "the segment that the records belong to (required)")
	flags.StringVar(&f.url, "url", os.Getenv(gatewayVariable),
		"`URL` of the gateway; also read from "+gatewayVariable+" (default the stack's)")
	flags.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token (default: "+tokenVariable+")")
	flags.StringVar(&f.id, "id", "", "`FIELD` of the records that is their id")
	flags.StringVar(&f.state, "state", "", "`FILE` that keeps how far it is (default FILE"+stateSuffix+")")
	flags.StringVar(&f.rejects, "rejects", "", "`FILE` for refused records (default FILE"+rejectsSuffix+")")
	flags.IntVar(&f.parallel, "parallel", 4, "batches in flight, 1 to 64")
	flags.BoolVar(&f.plain, "allow-http", false, "send the token over a connection without TLS")
	return cmd
}

// Ends of the files beside an input.
const (
	stateSuffix   = ".dip-send"
	rejectsSuffix = ".rejected.ndjson"
)

func (f *sendFlags) check(file string) error {
	var errs []error
	if f.segment == "" {
		errs = append(errs, errors.New("--segment is required"))
	}
	if f.parallel < 1 || f.parallel > 64 {
		errs = append(errs, fmt.Errorf("--parallel %d: want 1 to 64", f.parallel))
	}
	if file == "-" && f.state != "" {
		errs = append(errs, errors.New("--state needs a file: standard input cannot be read again"))
	}
	if file == "-" && f.rejects == "" {
		f.rejects = "stdin" + rejectsSuffix
	}
	if file != "-" {
		if f.state == "" {
			f.state = file + stateSuffix
		}
		if f.rejects == "" {
			f.rejects = file + rejectsSuffix
		}
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

func (a *app) send(ctx context.Context, file string, f sendFlags) error {
	if err := f.check(file); err != nil {
		return err
	}
	token, err := readToken(f.tokenFile, os.Getenv(tokenVariable))
	if err != nil {
		return err
	}
	if f.url == "" {
		if f.url, err = a.gatewayURL(ctx, f.segment); err != nil {
			return err
		}
	}
	if err := checkURL(f.url, f.plain); err != nil {
		return err
	}
	in, source, size, err := openSource(file)
	if err != nil {
		return err
	}
	defer in.Close() // it was only read
	journal := &send.Files{State: f.state, Refused: f.rejects}
	from, err := journal.Open(source, f.segment)
	if err != nil {
		return err
	}
	if from.Offset > 0 {
		if _, err := in.Seek(from.Offset, io.SeekStart); err != nil {
			return fmt.Errorf("send %s: %w", file, err)
		}
		a.screen.Notef("%s: goes on after line %s", terminal.Printable(file), terminal.Count(from.Line))
	}
	s := &send.Sender{
		Gateway: f.url, Segment: f.segment, Token: token, Client: gatewayClient(f.parallel), Source: source, Member: f.id,
		Limits: gateway.DefaultLimits, Parallel: f.parallel, Patience: patience, Journal: journal, Pause: client.Pause,
		Chance: rand.Float64, Now: time.Now, Counts: &send.Counts{},
	}
	stop := a.animate(func(took time.Duration) []string {
		return []string{sendLine(filepath.Base(file), s.Counts, size-from.Offset, took)}
	})
	reached, err := s.Run(ctx, in, from)
	stop()
	return a.sent(file, f, reached, err)
}

// gatewayURL is that of the stack's gateway.
func (a *app) gatewayURL(ctx context.Context, segment string) (string, error) {
	stack, err := a.connect(ctx)
	if err != nil {
		return "", err
	}
	if err := stack.CheckSegment(segment); err != nil {
		return "", err
	}
	switch o := stack.Outputs; {
	case o.Segments[segment].Stream == nil:
		return "", usagef("the records of segment %s arrive as files, not by stream: use dip put", segment)
	case o.Gateway == nil:
		return "", usagef("stack %s has no gateway: name one with --url", stack.Name)
	default:
		return o.Gateway.URL, nil
	}
}

// sent reports a run, also one that failed.
func (a *app) sent(file string, f sendFlags, s send.State, failed error) error {
	if failed != nil {
		again := "start it again to go on"
		if f.state == "" && f.id == "" {
			again = "standard input without --id: records may arrive twice when they are sent again"
		}
		return fmt.Errorf("send %s: %w (%s records are answered; %s)", file, failed, terminal.Count(s.Records), again)
	}
	r := sentResult{Segment: f.segment, Records: s.Records, Accepted: s.Records - s.Refused, Refused: s.Refused}
	text := fmt.Sprintf("%s  %s sent, %s refused\n", terminal.Printable(file), plural(int(r.Accepted), "record"),
		terminal.Count(r.Refused))
	if s.Refused > 0 {
		r.Rejects = f.rejects
		text += fmt.Sprintf("  the refused ones are in %s\n", terminal.Printable(f.rejects))
	}
	err := a.result(r, text)
	if s.Refused > 0 {
		err = errors.Join(err, rejectedError{fmt.Errorf("the gateway refused %s of %s", terminal.Count(s.Refused),
			plural(int(s.Records), "record"))})
	}
	return err
}

// rejectedError says that records were refused; the others were sent.
type rejectedError struct{ error }

// readToken reads the token of a file or, without one, of the environment.
func readToken(file, variable string) (string, error) {
	text := variable
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return "", usagef("there is no token: set %s, or name a file with --token-file", tokenVariable)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("the token has characters that no token has") // and is not quoted
	}
	return text, nil
}

// checkURL refuses to send a token in the clear to another machine.
func checkURL(text string, plain bool) error {
	u, err := url.Parse(text)
	if err != nil {
		return usagef("--url: want https://HOST")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme == "http" && !loopback && !plain {
		return usagef("--url %s: the token would be sent without TLS; --allow-http allows it", u.Redacted())
	}
	return nil
}

// gatewayClient follows no redirect: the token is the gateway's alone.
func gatewayClient(parallel int) *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: parallel,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true, IdleConnTimeout: 90 * time.Second}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// sendLine shows a run's progress after some time. size is what there was to send; 0: unknown.
func sendLine(name string, c *send.Counts, size int64, took time.Duration) string {
	line := uploadLine(name, c.Bytes.Load(), size, took)
	if records := c.Records.Load(); took > 0 {
		line += fmt.Sprintf("  %s records/s", terminal.Count(int64(float64(records)/took.Seconds())))
	}
	if n := c.Refused.Load(); n > 0 {
		line += fmt.Sprintf("  %s refused", terminal.Count(n))
	}
	if n := c.Retries.Load(); n > 0 {
		line += fmt.Sprintf("  %s retries", terminal.Count(n))
	}
	return line
}
