package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
)

// chunks compares each chunk's outputs with the sums of its records.
func (v *verification) chunks(ctx context.Context) error {
	for i, k := range v.Certificate.Chunks {
		if err := v.chunk(ctx, k, v.tallies[i]); err != nil {
			return fmt.Errorf("chunk %d: %w", k.Chunk, err)
		}
	}
	return nil
}

func (v *verification) chunk(ctx context.Context, k contract.ChunkProof, t tally) error {
	v.check(k.RowsOut == t.out, "chunk %d: %d rows out, the input has %d that fit the schema", k.Chunk, k.RowsOut, t.out)
	v.check(k.Quarantined == t.bad, "chunk %d: %d records quarantined, the input has %d that do not fit", k.Chunk,
		k.Quarantined, t.bad)
	if !v.unlined() {
		v.check(k.LinesIn == t.in && k.LinesBad == t.badLines,
			"chunk %d: %d lines, %d of them quarantined; the input has %d and %d",
			k.Chunk, k.LinesIn, k.LinesBad, t.in, t.badLines)
	}
	v.check(k.Skipped == t.skipped, "chunk %d: %d lines and %d bytes are comments, the input has %d and %d", k.Chunk,
		k.Skipped.Lines, k.Skipped.Bytes, t.skipped.Lines, t.skipped.Bytes)
	v.check(k.HashOut == t.rawOut.String(), "chunk %d: the hash of its records is not that of the input's", k.Chunk)
	v.check(k.HashBad == t.rawBad.String(), "chunk %d: the hash of its quarantined records is not that of the input's",
		k.Chunk)
	var stored sum
	rows := int64(0)
	for _, o := range k.Outputs {
		n, s, err := v.output(ctx, o)
		if err != nil {
			return err
		}
		v.check(n == o.Rows, "%s holds %d rows, the certificate says %d", o.Key, n, o.Rows)
		rows += n
		stored.plus(s)
	}
	v.report.RowsOut += rows
	v.check(rows == t.out && stored == t.rows,
		"chunk %d: the values in its %d Parquet files are not those of the input (%d rows of %d)",
		k.Chunk, len(k.Outputs), rows, t.out)
	return v.quarantine(ctx, k, t)
}

// output reads one Parquet file.
func (v *verification) output(ctx context.Context, o contract.Output) (rows int64, total sum, err error) {
	if v.segment.Partition.Field == "" {
		date := contract.LoadDatePartition(v.Certificate.Received.UTC().Format("2006-01-02"))
		v.check(o.Partition == date, "%s: the partition is %s, the load began in %s", o.Key, o.Partition, date)
	}
	f, err := os.CreateTemp("", "dip-verify-*")
	if err != nil {
		return 0, total, err
	}
	defer func() { err = firstOf(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil {
		return 0, total, err
	}
	if err := v.fetch(ctx, o, func(r io.Reader) error {
		_, err := io.Copy(f, r)
		return err
	}); err != nil {
		return 0, total, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, total, err
	}
	rows, total, err = parquetRows(ctx, v.schema, io.NewSectionReader(f, 0, size))
	if err != nil {
		err = fault.Permanent(fmt.Errorf("%s: %w", o.Key, err))
	}
	return rows, total, err
}

// fetch reads an object with read, to its end, and checks its size and SHA-256.
func (v *verification) fetch(ctx context.Context, o contract.Output, read func(io.Reader) error) error {
	object, err := v.Lake.Head(ctx, contract.Object{Bucket: v.Lake.Bucket(), Key: o.Key})
	if err != nil {
		return err
	}
	stream := v.Lake.Stream(ctx, object, 0)
	defer stream.Close()
	hash := sha256.New()
	if err := read(io.TeeReader(&counted{stream, v}, hash)); err != nil {
		return fmt.Errorf("%s: %w", o.Key, err)
	}
	v.check(object.Size == o.Bytes, "%s has %d bytes, the certificate says %d", o.Key, object.Size, o.Bytes)
	v.report.Checks++
	if hex.EncodeToString(hash.Sum(nil)) != o.SHA256 {
		return fault.Permanent(fmt.Errorf("%s does not have the SHA-256 of the certificate", o.Key))
	}
	return nil
}

// quarantine reads a chunk's rejected records.
func (v *verification) quarantine(ctx context.Context, k contract.ChunkProof, t tally) error {
	var rejects, raws sum
	n := int64(0)
	if k.Quarantine != nil {
		err := v.fetch(ctx, *k.Quarantine, func(r io.Reader) error {
			stored := bufio.NewReader(r)
			head, err := stored.Peek(decompress.MagicSize) // fewer bytes are a quarantine that cannot be parsed
			if err != nil && !decompress.Ended(err) {
				return err
			}
			content, err := decompress.Decompress(stored, decompress.Detect(head))
			if err != nil {
				return err
			}
			defer content.Close()
			for lines := bufio.NewReader(content); ; n++ {
				line, err := lines.ReadBytes('\n')
				if decompress.Ended(err) && len(line) == 0 {
					return nil
				}
				if err != nil && !decompress.Ended(err) {
					return err
				}
				var record contract.Rejected
				if err := json.Unmarshal(line, &record); err != nil {
					return fault.Permanent(fmt.Errorf("record %d: %w", n, err))
				}
				v.place(k, record, n)
				v.check(record.Reason != "", "%s: record %d has no reason", k.Quarantine.Key, n)
				whole := int64(len(record.Bytes())) == record.End-record.Start && (record.Raw == "" || record.Base64 == nil)
				v.check(whole, "%s: record %d does not hold the bytes %d to %d", k.Quarantine.Key, n, record.Start, record.End)
				text, err := decodeAll(record.Bytes(), v.dialect.Charset)
				if err != nil {
					return fault.Permanent(fmt.Errorf("record %d: %w", n, err))
				}
				raw, shown := raw{bytes: trimLineEnd(text)}, ""
				if v.dialect.Charset != "" {
					raw.input, shown = record.Bytes(), strings.ToValidUTF8(string(text), "\ufffd")
				}
				v.check(record.Text == shown, "%s: the text of record %d is not that of its bytes", k.Quarantine.Key, n)
				raws.add(raw.bytes)
				rejects.add(rejected(record.Start, record.End, record.Sequence, raw.original()))
			}
		})
		if err != nil {
			return err
		}
		v.check(n == k.Quarantine.Rows, "%s holds %d records, the certificate says %d", k.Quarantine.Key, n,
			k.Quarantine.Rows)
	}
	v.report.Quarantined += n
	v.check(n == t.bad && rejects == t.rejects && raws == t.rawBad,
		"chunk %d: the quarantined records are not those of the input that do not fit (%d of %d)", k.Chunk, n, t.bad)
	return nil
}

// place checks that a quarantined record says where it comes from: the chunk, or the shard.
func (v *verification) place(k contract.ChunkProof, r contract.Rejected, n int64) {
	if s := v.Certificate.Stream; s != nil {
		known := k.Chunk >= 0 && k.Chunk < len(s.Covers)
		v.check(known && r.Shard == s.Covers[k.Chunk].Shard && r.Chunk == 0, "%s: record %d is of shard %s",
			k.Quarantine.Key, n, r.Shard)
		return
	}
	v.check(r.Chunk == k.Chunk && r.Shard == "" && r.Sequence == "", "%s: record %d is of chunk %d", k.Quarantine.Key, n,
		r.Chunk)
}

func trimLineEnd(raw []byte) []byte {
	if n := len(raw); n > 0 && raw[n-1] == '\n' {
		raw = raw[:n-1]
	}
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	return raw
}
