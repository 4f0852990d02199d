package plan

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"dip/contract"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
)

// A write that is repeated because its reply was lost makes a second version with the same content.
func TestARepeatedWriteIsOneLoad(t *testing.T) {
	const rows = "id,note\n1,a\n"
	for name, c := range map[string]struct {
		before  string // content of the version before; "": none
		status  contract.Status
		of      string // of the load before, if that is a duplicate itself
		once    bool   // the segment's setting
		want    string // the load that this one is the same as
		unknown bool   // the ledger does not know the load before
	}{
		"published":              {before: rows, status: contract.Published, once: true, want: "before"},
		"still running":          {before: rows, status: contract.Received, once: true, want: "before"},
		"a duplicate itself":     {before: rows, status: contract.Duplicate, of: "first", once: true, want: "first"},
		"failed: this retries":   {before: rows, status: contract.Failed, once: true},
		"not loaded":             {before: rows, unknown: true, once: true},
		"other content":          {before: "id,note\n2,b\n", status: contract.Published, once: true},
		"the first version":      {once: true},
		"wanted, by the setting": {before: rows, status: contract.Published},
	} {
		w, p := start(t, rows)
		w.skipSame(c.once)
		if c.before != "" {
			before := w.lake.Put("landing", "things/again", []byte(c.before))
			if !c.unknown {
				w.ledger.Seed(ledger.Load{ID: contract.LoadID(before), Status: c.status, Of: c.of})
			}
			if c.want == "before" {
				c.want = contract.LoadID(before)
			}
		}
		again := w.lake.Put("landing", "things/again", []byte(rows))
		w.ledger.Change("L", func(l *ledger.Load, _ []ledger.Chunk) { l.Object = again })
		w.ledger.Reopen("L")
		response, err := p.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if err != nil {
			t.Fatal(err)
		}
		load, err := w.ledger.Load(t.Context(), "L")
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			if response.Action != contract.ActionWait || load.Status != contract.Running {
				t.Errorf("%s: %+v, the load is %s", name, response, load.Status)
			}
			continue
		}
		open, err := w.ledger.Open(t.Context(), planned.AddDate(1, 0, 0), 9)
		if err != nil || slices.ContainsFunc(open, func(l ledger.Load) bool { return l.ID == "L" }) {
			t.Errorf("%s: the load is open: %v", name, err)
		}
		if response.Action != contract.ActionDone || load.Status != contract.Duplicate || load.Of != c.want {
			t.Errorf("%s: %+v, the load is %s of %s, want %s", name, response, load.Status, load.Of, c.want)
		}
	}
}

func TestARepeatedWriteThatCannotBeSeen(t *testing.T) {
	w, p := start(t, "id,note\n1,a\n")
	w.skipSame(true)
	w.lake.Before = func(op laketest.Op) error {
		if op.Name == "Previous" {
			return errThrottled
		}
		return nil
	}
	if _, err := p.Handle(t.Context(), contract.WorkflowInput{Load: "L"}); !errors.Is(err, errThrottled) {
		t.Errorf("got %v", err)
	}
}

// skipSame pins the load to a catalog with this setting.
func (w *world) skipSame(on bool) {
	var c contract.Catalog
	err := json.Unmarshal(w.catalog, &c)
	for name, segment := range c.Segments {
		segment.Loads.SkipSame = on
		c.Segments[name] = segment
	}
	_, document, eerr := c.Encode()
	if err := errors.Join(err, eerr); err != nil {
		w.t.Fatal(err)
	}
	w.pin(document)
}
