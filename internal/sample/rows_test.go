package sample

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"dip/tableschema"
)

func readSchema(t *testing.T, name string) []tableschema.Field {
	t.Helper()
	text, err := os.ReadFile("../../schemas/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tableschema.Parse(text)
	if err != nil {
		t.Fatalf("schema %s: %v", name, err)
	}
	return s.Fields
}

// fits reports whether a text fits a field.
func fits(f *tableschema.Field, text string) bool {
	if f.Missing([]byte(text)) {
		return !f.Required
	}
	v, err := f.Cast([]byte(text))
	return err == nil && f.Check(v, []byte(text)) == nil
}

// splitTrips cuts data after each record: a line feed ends one unless it lies between quotes that opened a field.
func splitTrips(data []byte) (records []string) {
	start, inside, fresh := 0, false, true
	for i, c := range data {
		switch {
		case inside:
			inside = c != '"'
			fresh = !inside // a quote that follows immediately was doubled
		case c == '"' && fresh:
			inside = true
		case c == '\n':
			records, start, fresh = append(records, string(data[start:i+1])), i+1, true
		default:
			fresh = c == ','
		}
	}
	return records
}

func TestGoodTripsFitTheirSchema(t *testing.T) {
	data, s := generate(t, Trips, Options{Rows: 50_000, Seed: 3})
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	fields := readSchema(t, "trips")
	if len(records) != int(s.Rows)+1 {
		t.Fatalf("%d records with the header, want %d", len(records), s.Rows+1)
	}
	empty, special := make(map[string]int), 0
	for i, record := range records {
		for k, f := range fields {
			switch value := record[k]; {
			case i == 0 && value != f.Name:
				t.Fatalf("column %d is named %q, want %q", k, value, f.Name)
			case i > 0 && !fits(&f, value):
				t.Fatalf("row %d: %q does not fit %s", i, value, f.Name)
			case value == "":
				empty[f.Name]++
			}
		}
		if strings.ContainsAny(record[len(record)-1], ",\"\n") {
			special++
		}
	}
	if share := float64(special) / float64(s.Rows); share < 0.13 || share > 0.17 {
		t.Errorf("%.1f %% of the notes hold delimiters, quotes or line breaks, want about 15 %%", 100*share)
	}
	for _, name := range []string{"passenger_count", "rate_code", "note"} {
		if empty[name] == 0 || empty[name] == int(s.Rows) {
			t.Errorf("%d of %d values of %s are empty, want some", empty[name], s.Rows, name)
		}
	}
	for _, part := range []string{"\"\"", "\r\n", "\n\n", "é", "料金"} {
		if !bytes.Contains(data, []byte(part)) {
			t.Errorf("no note holds %q", part)
		}
	}
}

func TestBadTripsAreBadAndTheirNeighboursWhole(t *testing.T) {
	data, s := generate(t, Trips, Options{Rows: 20_000, BadShare: 0.2})
	fields := readSchema(t, "trips")
	records := splitTrips(data)
	if len(records) != int(s.Rows)+1 {
		t.Fatalf("%d records with the header, want %d", len(records), s.Rows+1)
	}
	reasons := make(map[string]int)
	var bad int64
	for _, record := range records[1:] {
		if reason := tripProblem(record, fields); reason != "" {
			reasons[reason]++
			bad++
		}
	}
	if bad != s.Bad {
		t.Errorf("%d records violate the schema, want %d: %v", bad, s.Bad, reasons)
	}
	for _, reason := range []string{"utf-8", "quotes", "fields", "vendor_id", "dropoff_at", "total", "payment_type"} {
		if reasons[reason] == 0 {
			t.Errorf("no trip is bad for its %s: %v", reason, reasons)
		}
	}
}

func tripProblem(record string, fields []tableschema.Field) string {
	if !utf8.ValidString(record) {
		return "utf-8"
	}
	r := csv.NewReader(strings.NewReader(record))
	r.FieldsPerRecord = -1
	values, err := r.Read()
	switch {
	case err != nil:
		return "quotes"
	case len(values) != len(fields):
		return "fields"
	}
	for k, f := range fields {
		if !fits(&f, values[k]) {
			return f.Name
		}
	}
	return ""
}

func TestEventsFitTheirSchemaOrAreCountedBad(t *testing.T) {
	fields := readSchema(t, "events")
	for _, share := range []float64{0, 0.2} {
		data, s := generate(t, Events, Options{Rows: 20_000, Seed: 5, BadShare: share})
		lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
		if len(lines) != int(s.Rows) {
			t.Fatalf("%d lines, want %d", len(lines), s.Rows)
		}
		reasons, types := make(map[string]int), make(map[any]int)
		var bad int64
		for _, line := range lines {
			reason, event := eventProblem(line, fields)
			if reason != "" {
				reasons[reason]++
				bad++
				continue
			}
			types[event["type"]]++
		}
		if bad != s.Bad {
			t.Errorf("%d records violate the schema, want %d: %v", bad, s.Bad, reasons)
		}
		if len(types) != 6 {
			t.Errorf("types %v, want all of the schema's six", types)
		}
		for _, reason := range []string{"utf-8", "json", "id", "type", "actor_id", "payload", "created_at"} {
			if (reasons[reason] == 0) != (share == 0) {
				t.Errorf("bad share %g: %d events are bad for their %s: %v", share, reasons[reason], reason, reasons)
			}
		}
		if !bytes.Contains(data, []byte(`\ud83d\ude80`)) || !bytes.Contains(data, []byte("日本")) ||
			!bytes.Contains(data, []byte(`"org":`)) {
			t.Error("want escapes, text outside ASCII and organizations")
		}
	}
}

func eventProblem(line []byte, fields []tableschema.Field) (reason string, event map[string]any) {
	if !utf8.Valid(line) {
		return "utf-8", nil
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&event); err != nil {
		return "json", nil
	}
	for _, f := range fields {
		if !eventFits(f, event) {
			return f.Name, event
		}
	}
	return "", event
}

// eventFits reports whether a value fits a field, by its JSON type first.
func eventFits(f tableschema.Field, event map[string]any) bool {
	path := f.Path
	if path == nil {
		path = []string{f.Name}
	}
	var value any = event
	for _, name := range path {
		object, _ := value.(map[string]any) // a nil map holds nothing
		value = object[name]
	}
	switch v := value.(type) {
	case nil:
		return !f.Required
	case bool:
		return f.Type == tableschema.Boolean
	case map[string]any:
		return f.Type == tableschema.Object
	case json.Number:
		n, err := f.CastNumber([]byte(v))
		return (f.Type == tableschema.Integer || f.Type == tableschema.Number) && err == nil && f.Check(n, []byte(v)) == nil
	case string:
		return (f.Type == tableschema.String || f.Type == tableschema.Datetime) && fits(&f, v)
	default:
		return false
	}
}
