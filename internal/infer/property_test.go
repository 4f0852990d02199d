package infer

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// kinds of values, of which a column mixes one to three: what is alike, what is nearly alike, and what is missing.
var kinds = []func(r *rand.Rand) string{
	func(r *rand.Rand) string { return fmt.Sprint(r.IntN(2000) - 1000) },
	func(r *rand.Rand) string { return fmt.Sprint(r.Int64() - r.Int64()) },
	func(r *rand.Rand) string { return fmt.Sprintf("%d%d", r.Uint64(), r.IntN(100)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%03d", r.IntN(1000)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%.*f", r.IntN(4), r.Float64()*1e4) },
	func(r *rand.Rand) string { return fmt.Sprintf("%.20f", r.Float64()) },
	func(r *rand.Rand) string { return fmt.Sprintf("%d.%02d", r.Int64N(1e16), r.IntN(100)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%.3e", r.NormFloat64()*1e20) },
	func(r *rand.Rand) string {
		return pick(r, "NaN", "INF", "-inf", "+Infinity", "-0", "-0.0", ".5", "5.", "+7", "1e400")
	},
	func(r *rand.Rand) string { return pick(r, "true", "false", "True", "FALSE") },
	func(r *rand.Rand) string { return pick(r, "0", "1", "yes", "t") },
	func(r *rand.Rand) string { return fmt.Sprintf("2024-%02d-%02d", 1+r.IntN(13), 1+r.IntN(31)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%02d/%02d/2024", 1+r.IntN(12), 1+r.IntN(12)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%02d/%02d/2024", 1+r.IntN(12), 1+r.IntN(28)) },
	func(r *rand.Rand) string {
		return fmt.Sprintf("%d.%d.2024 %02d:%02d", 1+r.IntN(28), 1+r.IntN(12), r.IntN(24), r.IntN(60))
	},
	func(r *rand.Rand) string {
		return fmt.Sprintf("2024-02-%02d%s10:11:%02d%s", 1+r.IntN(29), pick(r, "T", " "), r.IntN(60), pick(r, "", ".5",
			".1234567"))
	},
	func(r *rand.Rand) string {
		return fmt.Sprintf("2024-02-%02dT10:11:%02d%s", 1+r.IntN(29), r.IntN(60), pick(r, "Z", "+02", "-0330", "+01:00"))
	},
	func(r *rand.Rand) string {
		return fmt.Sprintf("%02d:%02d%s", r.IntN(25), r.IntN(60), pick(r, "", ":59", ":00.25"))
	},
	func(r *rand.Rand) string {
		return fmt.Sprintf("%d:%02d %s", 1+r.IntN(12), r.IntN(60), pick(r, "AM", "pm"))
	},
	func(r *rand.Rand) string { return pick(r, missingTexts...) },
	func(*rand.Rand) string { return "" },
	func(r *rand.Rand) string {
		return pick(r, " 7", "7 ", "\t2024-01-02", " ", "1,5", "1.234,5", "a\nb", `"`, "é", "#1")
	},
}

func pick(r *rand.Rand, texts ...string) string { return texts[r.IntN(len(texts))] }

// mix returns a generator of a column's values.
func mix(r *rand.Rand) func() string {
	some := make([]func(*rand.Rand) string, 1+r.IntN(3))
	for i := range some {
		some[i] = kinds[r.IntN(len(kinds))]
	}
	return func() string { return some[r.IntN(len(some))](r) }
}

// checkRandom infers a schema of an input twice, with its records in two orders: it accepts all of them, and is the
// same.
func checkRandom(t *testing.T, r *rand.Rand, name, head string, records []string, o Options) {
	t.Helper()
	first, err := File(t.Context(), write(t, name, []byte(head+strings.Join(records, ""))), o)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, head, records)
	}
	if n := int64(len(records)); first.Records != n || first.Fit != n {
		t.Fatalf("%d of %d records fit, want %d: %+v\n%s\n%s%s", first.Fit, first.Records, n, first.Misfits, first.Schema,
			head, records)
	}
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	second, err := File(t.Context(), write(t, name, []byte(head+strings.Join(records, ""))), o)
	if err != nil || string(second.Schema) != string(first.Schema) || fmt.Sprint(second.Notes) != fmt.Sprint(first.Notes) {
		t.Fatalf("%v: in another order\n%s%v\nbefore\n%s%v", err, second.Schema, second.Notes, first.Schema, first.Notes)
	}
}

func TestInferredSchemasAcceptTheirFiles(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		columns := make([]func() string, 1+r.IntN(5))
		names := make([]string, len(columns))
		for i := range columns {
			columns[i], names[i] = mix(r), fmt.Sprintf("c%d", i)
		}
		line := func(fields []string) string {
			var b strings.Builder
			w := csv.NewWriter(&b)
			w.Comma = ';'
			if err := w.Write(fields); err != nil {
				t.Fatal(err)
			}
			w.Flush()
			return b.String()
		}
		records := make([]string, 1+r.IntN(40))
		for i := range records {
			fields := make([]string, len(columns))
			for k := range fields {
				fields[k] = columns[k]()
			}
			records[i] = line(fields)
		}
		checkRandom(t, r, "a.csv", line(names), records, Options{Delimiter: ";", Quote: `"`})
	}
}

func TestInferredSchemasAcceptTheirObjects(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		columns := make([]func() any, 1+r.IntN(5))
		for i := range columns {
			texts := mix(r)
			some := []func() any{
				func() any { return texts() },
				func() any { return texts() },
				func() any { return json.Number(fmt.Sprint(r.IntN(100))) },
				func() any {
					return json.Number(pick(r, "1.5", "1e3", "-0", "18446744073709551616", "0.12345678901234567890", "1e400"))
				},
				func() any { return r.IntN(2) == 0 },
				func() any { return nil },
				func() any { return []int{1} },
				func() any { return map[string]any{"x": texts()} },
			}
			r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			some = some[:1+r.IntN(3)]
			columns[i] = func() any { return some[r.IntN(len(some))]() }
		}
		records := make([]string, 1+r.IntN(40))
		for i := range records {
			record := map[string]any{"always": "x"}
			for k := range columns {
				if r.IntN(4) > 0 {
					record[fmt.Sprintf("k%d", k)] = columns[k]()
				}
			}
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			records[i] = string(text) + "\n"
		}
		checkRandom(t, r, "a.ndjson", "", records, Options{})
	}
}

// What a double or an integer reads is what was written.
func TestClasses(t *testing.T) {
	for written, want := range map[string]class{
		"": empty, "NA": missing, "-": missing, "true": boolean, "TRUE": boolean, "tRUE": text, " true": text,
		"0": integer, "-7": integer, "9223372036854775807": integer, "-9223372036854775808": integer, " 7\t": integer,
		"9223372036854775808": long, "-0": number, "007": code, "+7": code, "00": code, "0.10": number, "-1.5e3": number,
		".5": number, "5.": number, "01.5": code, "9007199254740993": integer, "9007199254740993.5": exact,
		"0.1234567890123456789": precise, "1e400": precise, "1e-400": precise, "NaN": special, "-inf": special,
		"1e": text, ".": text, "1.2.3": text, "1,5": comma, "1.234,56": comma, ",": text,
		"2024-02-29": date, "2023-02-29": text, "10:11": clock, "10:11:12.1234560": clock, "10:11:12.1234567": finer,
		"2024-02-29T10:11": datetime, "2024-02-29 10:11:12.5": datetime, "2024-02-29T10:11:12Z": instant,
		"2024-02-29T10:11:12.1234567Z": finer, "2024-02-29T10:11:12-0330": instant, "1/2/2024": formatted,
		"31/12/2024 23:59": formatted, "1/2/24": text, "9:05 PM": formatted, "29 Feb 2024": formatted,
	} {
		if got := read([]byte(written)).class; got != want {
			t.Errorf("%q is of class %d, want %d", written, got, want)
		}
	}
}
