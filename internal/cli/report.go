package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/graph"
	"dip/internal/ledger"
	"dip/internal/terminal"
	"dip/internal/verify"
)

// reportSamples is how many quarantined records a report shows, and reportRaw how much of each, bytes.
const reportSamples, reportRaw = 20, 400

func (a *app) reportCommand() *cobra.Command {
	var file, keyFile string
	var prove bool
	cmd := &cobra.Command{
		Use:   "report LOAD --html FILE",
		Short: "Write one page that proves a load",
		Long: "Report writes a page about a load or an interval that needs nothing but its file: certificate, chunks over\n" +
			"the input or shards and what covers them, times, and quarantined records with their reasons. --verify proves\n" +
			"the certificate again first, and the page says what was found.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usagef("--html is required")
			}
			if keyFile != "" && !prove {
				return usagef("--public-key needs --verify")
			}
			return a.writeReport(cmd.Context(), args[0], file, keyFile, prove)
		},
	}
	cmd.Flags().StringVar(&file, "html", "", "`FILE` to write the page to (required)")
	cmd.Flags().BoolVar(&prove, "verify", false, "prove the certificate again")
	cmd.Flags().StringVar(&keyFile, "public-key", "", "PEM `FILE` with the key that the certificate must be signed with")
	return cmd
}

func (a *app) writeReport(ctx context.Context, id, file, keyFile string, prove bool) error {
	key, err := publicKey(keyFile)
	if err != nil {
		return err
	}
	stack, load, err := a.findLoad(ctx, id)
	if err != nil {
		return err
	}
	r, c, sum, err := loadReport(ctx, stack.Ledger, stack.Lake, load, stack.Name)
	if err != nil {
		return err
	}
	var failed error
	if prove && c != nil {
		o, err := client.Evidence(ctx, stack, load, *c, sum)
		if err != nil {
			return err
		}
		o.PublicKey = key
		found, err := verify.Certificate(ctx, o)
		if err != nil {
			return fmt.Errorf("verify load %s: %w", load.ID, err)
		}
		r.Facts = append(provenFacts(found, time.Now()), r.Facts...)
		if failed = unproven(found); failed != nil {
			r.Good, r.Bad, r.Verdict, r.Reason = false, true, "NOT VERIFIED", strings.Join(found.Problems, "\n")
		}
	}
	if err := writeFile(file, func(w io.Writer) error { return graph.ReportHTML(w, r) }); err != nil {
		return err
	}
	a.screen.Notef("wrote %s", file)
	return failed
}

// provenFacts is what a verification has found.
func provenFacts(r verify.Report, now time.Time) []graph.Fact {
	facts := []graph.Fact{
		{Name: "verification", Value: fmt.Sprintf("%s at %s, %s", verdict(r.Verified), now.UTC().Format(time.RFC3339),
			plural(r.Checks, "check"))},
		{Name: "signature", Value: strings.Join(strings.Fields(r.SignatureText()), " ")},
	}
	if text := r.StreamText(); text != "" {
		facts = append(facts, graph.Fact{Name: "stream", Value: text})
	}
	return facts
}

// loadReport gathers what a report shows of a load, with its certificate; nil: it has none yet.
func loadReport(ctx context.Context, books client.Ledger, lake client.Lake, load ledger.Load, stack string) (graph.Report,
	*contract.Certificate, string, error) {
	r := graph.Report{Load: load.ID, Segment: load.Segment, Stack: stack, Interval: load.Interval != nil}
	var chunks []ledger.Chunk
	var certificate *contract.Certificate
	c, sum, err := client.Certificate(ctx, lake, load)
	switch {
	case err == nil:
		certificate, r.Facts = &c, append(certificateFacts(c, sum), signedFact(ctx, lake, c))
	case !errors.Is(err, client.ErrNotFound):
		return r, nil, "", err
	}
	if load.Interval == nil || certificate != nil {
		if chunks, err = client.Chunked(ctx, books, lake, load); err != nil {
			return r, nil, "", err
		}
	}
	p := client.Measure(load, chunks, time.Now())
	r.Input, r.Verdict, r.Reason, r.Quarantined = p.File(), p.Verdict(), p.Reason, p.Quarantined
	if i := p.Interval; i != nil {
		r.Input = i.Start.UTC().Format(time.RFC3339) + " to " + i.End.UTC().Format(time.RFC3339)
	}
	r.Good, r.Bad = load.Status == contract.Published, load.Status == contract.Failed
	for _, s := range p.States {
		if s.State == client.Done {
			r.Seconds = append(r.Seconds, s.Seconds)
		}
	}
	r.Strips = strips(chunks, p.States, certificate)
	err = client.Quarantine(ctx, lake, chunks, func(bad contract.Rejected) (bool, error) {
		r.Samples = append(r.Samples, sampleOf(bad))
		return len(r.Samples) < reportSamples, nil
	})
	return r, certificate, sum, err
}

// signedFact names the key that a certificate says it is signed with; --verify checks that.
func signedFact(ctx context.Context, lake client.Lake, c contract.Certificate) graph.Fact {
	fact := graph.Fact{Name: "signed by", Value: "nobody: it has no envelope"}
	data, err := lake.Get(ctx, contract.EnvelopeKey(c.Segment, c.Load))
	if err != nil {
		return fact
	}
	e, _, err := contract.ParseEnvelope(data)
	if err != nil || len(e.Signatures) == 0 {
		fact.Value = "an envelope that cannot be read"
		return fact
	}
	fact.Value = "the key " + e.Signatures[0].KeyID
	return fact
}

func certificateFacts(c contract.Certificate, sum string) []graph.Fact {
	t := c.Totals
	facts := []graph.Fact{{Name: "certificate", Value: "SHA-256 " + sum}}
	add := func(name, format string, args ...any) {
		facts = append(facts, graph.Fact{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	if s := c.Stream; s != nil {
		add("stream", "%s", c.Input.Bucket)
		add("records", "archived %s = out %s + quarantined %s + repeated %s", terminal.Count(s.Archived.Records),
			terminal.Count(t.RowsOut), terminal.Count(t.Quarantined), terminal.Count(s.Repeated.Records))
	} else {
		add("input", "s3://%s/%s, version %s, %s (%s)", c.Input.Bucket, c.Input.Key, c.Input.VersionID,
			terminal.Bytes(c.Input.Size), c.Compression)
		add("rows", "in %s = out %s + quarantined %s", terminal.Count(t.RowsIn), terminal.Count(t.RowsOut),
			terminal.Count(t.Quarantined))
		add("chain", "closed: %t, from byte %s to %s", c.Chain.Closed, terminal.Count(c.Body),
			terminal.Count(c.Chain.Position))
	}
	add("hash out", "%s", t.HashOut)
	add("hash quarantined", "%s", t.HashBad)
	add("code", "%s", strings.Join(t.Codes, ", "))
	if l := c.Link; l != nil {
		add("number", "%s", strings.TrimSpace(strings.TrimPrefix(linkText(l), "number")))
	}
	add("received", "%s", c.Received.UTC().Format(time.RFC3339))
	add("certified", "%s", c.Certified.UTC().Format(time.RFC3339))
	return facts
}

// strips are the pieces of a load: its chunks or, of an interval, the acknowledgements of each shard.
func strips(chunks []ledger.Chunk, states []client.ChunkState, c *contract.Certificate) []graph.Strip {
	var list []graph.Strip
	at := map[string]int{"": 0}
	if c != nil && c.Stream != nil {
		for i, s := range c.Stream.Shards {
			list, at[s.Shard] = append(list, graph.Strip{Name: s.Shard}), i
		}
	} else if len(states) > 0 {
		list = []graph.Strip{{}}
	}
	for i, s := range states {
		name := ""
		if c != nil && c.Stream != nil && i < len(c.Stream.Covers) {
			name = c.Stream.Covers[i].Shard
		}
		p := graph.Piece{Title: pieceTitle(s, chunks[i], name), State: pieceState(s)}
		if a := chunks[i].Ack; a != nil && a.RowsIn > 0 {
			p.Bad = float64(a.Quarantined) / float64(a.RowsIn)
		}
		if k := at[name]; k < len(list) {
			list[k].Pieces = append(list[k].Pieces, p)
		}
	}
	return list
}

func pieceState(s client.ChunkState) graph.PieceState {
	switch {
	case s.State == client.Broken:
		return graph.Broken
	case s.State != client.Done:
		return graph.Pending
	case s.Attempt > 1:
		return graph.Again
	default:
		return graph.Done
	}
}

func pieceTitle(s client.ChunkState, c ledger.Chunk, shard string) string {
	title := fmt.Sprintf("chunk %d, from byte %s", s.Chunk, terminal.Count(s.Start))
	if shard != "" {
		title = fmt.Sprintf("acknowledgement %d of %s", s.Chunk, shard)
	}
	if a := c.Ack; a != nil {
		return title + fmt.Sprintf(": %s rows in, %s quarantined, %s, attempt %d", terminal.Count(a.RowsIn),
			terminal.Count(a.Quarantined), terminal.Duration(seconds(s.Seconds)), s.Attempt)
	}
	return title + ": " + strings.TrimSuffix(fmt.Sprintf("%s, attempt %d, %s", s.State, s.Attempt, s.LastError), ", ")
}

func sampleOf(r contract.Rejected) graph.Rejected {
	place := fmt.Sprintf("chunk %d, byte %s", r.Chunk, terminal.Count(r.Start))
	if r.Sequence != "" {
		place = r.Shard
	}
	reason := r.Reason
	if r.Field != "" {
		reason = r.Field + ": " + reason
	}
	raw := cmp.Or(r.Text, strings.ToValidUTF8(string(r.Bytes()), "\ufffd"))
	if len(raw) > reportRaw {
		raw = strings.ToValidUTF8(raw[:reportRaw], "") + " ..."
	}
	return graph.Rejected{Place: place, Reason: reason, Raw: raw}
}
