package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dip/config"
	"dip/contract"
	"dip/internal/reconcile"
)

// Each folder of testdata/cases is an input that went wrong once, here or elsewhere, with its schema and the segment's
// entry. outcome.txt is what is right: the preview's refusal, the reason of a load that fails, or the rows and the
// rejected records of a load that is certified.
func TestCases(t *testing.T) {
	folders, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(folders) < 20 {
		t.Fatalf("%d cases, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(folder, "outcome.txt"))
			if err != nil {
				t.Error(err)
			}
			for _, chunkBytes := range []int64{1 << 20, 64, 7} {
				if got := outcome(t, folder, chunkBytes); got != string(want) {
					t.Fatalf("in chunks of %d bytes:\n%s\nwant:\n%s", chunkBytes, got, want)
				}
			}
		})
	}
}

// outcome carries out a case and proves the result.
func outcome(t *testing.T, folder string, chunkBytes int64) string {
	segment, err := preview(t, folder)
	if err != nil {
		return fmt.Sprintf("refused: %v\n", err)
	}
	w, why := ingest(t, segment, input(t, folder), chunkBytes)
	if why == "" {
		why = reconcile.TooBad(w.certificate.Totals, segment.MaxBadShare)
	}
	if why != "" {
		return fmt.Sprintf("failed: %s\n", why)
	}
	w.holds(t, folder)
	return w.print(t)
}

// preview reads the segment of a case as a deployment does.
func preview(t *testing.T, folder string) (contract.Segment, error) {
	t.Helper()
	var entry map[string]any
	data, err := os.ReadFile(filepath.Join(folder, "segment.json"))
	if err == nil {
		err = json.Unmarshal(data, &entry)
	}
	if err != nil {
		t.Fatal(err)
	}
	entry["schema"], entry["package"] = "schema.json", "lambdas/things"
	stack, err := json.Marshal(map[string]any{"environment": "local", "segments": map[string]any{"things": entry}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := config.Parse(stack, config.Options{Files: os.DirFS(folder)})
	if err != nil {
		return contract.Segment{}, err
	}
	return s.Catalog("things"), nil
}

func input(t *testing.T, folder string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"schema.json", "segment.json", "outcome.txt"}
	i := slices.IndexFunc(files, func(f string) bool { return !slices.Contains(own, filepath.Base(f)) })
	if i < 0 {
		t.Fatal("no input")
	}
	data, err := os.ReadFile(files[i])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// print lists a load's rows and rejected records, partition by partition.
func (w *world) print(t *testing.T) string {
	t.Helper()
	var rows, rejected []string
	for _, k := range w.certificate.Chunks {
		for _, o := range k.Outputs {
			folder := ""
			if w.certificate.Segment == "things" && !strings.HasPrefix(o.Partition, "load_date=") {
				folder = o.Partition + ": "
			}
			for _, row := range parquetTexts(t, w.content(o.Key)) {
				rows = append(rows, "row "+folder+row)
			}
		}
		if k.Quarantine == nil {
			continue
		}
		for line := range strings.Lines(string(w.quarantine(t, k))) {
			var r contract.Rejected
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			rejected = append(rejected, fmt.Sprintf("bad %d-%d %s: %s", r.Start, r.End, r.Field, r.Reason))
		}
	}
	slices.Sort(rows)
	total := w.certificate.Totals
	head := fmt.Sprintf("certified: %d rows, %d quarantined; %d of %d lines", total.RowsOut, total.Quarantined,
		total.LinesBad, total.LinesIn)
	if skipped := total.Skipped; skipped.Lines > 0 {
		head += fmt.Sprintf("; skipped %d lines, %d bytes", skipped.Lines, skipped.Bytes)
	}
	return strings.Join(append(append([]string{head}, rows...), rejected...), "\n") + "\n"
}

// parquetTexts are the rows of a Parquet file, their values as JSON.
func parquetTexts(t *testing.T, data []byte) []string {
	t.Helper()
	reader, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	arrows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := arrows.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := make([][]string, table.NumRows())
	for c := range int(table.NumCols()) {
		n := 0
		for _, a := range table.Column(c).Data().Chunks() {
			for i := range a.Len() {
				value, err := json.Marshal(a.GetOneForMarshal(i))
				if err != nil {
					t.Fatal(err)
				}
				rows[n] = append(rows[n], string(value))
				n++
			}
		}
	}
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = strings.Join(row, " | ")
	}
	return texts
}
