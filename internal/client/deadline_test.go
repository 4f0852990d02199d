package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// catalogs are catalogs by key.
type catalogs map[string]contract.Catalog

func (c catalogs) Catalog(_ context.Context, key string) (contract.Catalog, error) {
	found, ok := c[key]
	if !ok {
		return found, errors.New("no such catalog")
	}
	return found, nil
}

func TestDeadline(t *testing.T) {
	of := func(seconds int) contract.Catalog {
		return contract.Catalog{Segments: map[string]contract.Segment{"trips": {DeadlineSeconds: seconds}}}
	}
	c := catalogs{"then": of(60), "now": of(90), "none": of(0)}
	for _, one := range []struct {
		load ledger.Load
		want time.Time
		err  bool
	}{
		{ledger.Load{Segment: "trips", Catalog: "then"}, noon.Add(time.Minute), false},
		{ledger.Load{Segment: "trips", Catalog: "none"}, time.Time{}, false},
		{ledger.Load{Segment: "junk", Catalog: "now"}, time.Time{}, false},
		{ledger.Load{}, time.Time{}, false},
		{ledger.Load{Segment: "trips", Catalog: "gone"}, time.Time{}, true},
	} {
		one.load.Received = noon
		got, err := Deadline(t.Context(), c, one.load)
		if !got.Equal(one.want) || (err != nil) != one.err {
			t.Errorf("%+v: %s, %v, want %s", one.load, got, err, one.want)
		}
	}
}

func TestSlack(t *testing.T) {
	left := 50.0
	for _, c := range []struct {
		p    Progress
		want time.Duration
		ok   bool
	}{
		{Progress{Status: contract.Published, ElapsedSeconds: 40}, 20 * time.Second, true},
		{Progress{Status: contract.Running, ElapsedSeconds: 40, ETASeconds: &left}, -30 * time.Second, true},
		{Progress{Status: contract.Failed, ElapsedSeconds: 40}, 0, false},
	} {
		c.p.Received, c.p.Deadline = noon, noon.Add(time.Minute)
		if got, ok := c.p.Slack(); got != c.want || ok != c.ok {
			t.Errorf("%+v: %s, %v", c.p, got, ok)
		}
	}
	if _, ok := (Progress{Status: contract.Published}).Slack(); ok {
		t.Error("there is slack without a deadline")
	}
}
