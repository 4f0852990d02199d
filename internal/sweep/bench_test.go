package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

// List prices in us-east-1, November 2026: a LIST request of S3 Standard, and a read request unit of DynamoDB on
// demand. An eventually consistent read of an item of up to 4 KB, which a load is, takes half a unit.
const (
	listDollars = 0.005 / 1_000
	readDollars = 0.125 / 1_000_000
	readUnits   = 0.5
)

// millions is a landing bucket of ten million versions, as many landed on each day of a year, that fits into no memory.
type millions struct {
	*ledgertest.Fake
	now             time.Time
	lists, gets, id int
}

const versions = 10_000_000

func (m *millions) Versions(_ context.Context, bucket string, after lake.Marker,
	visit func([]lake.Listed, lake.Marker) error) error {
	next := 0
	if after.Key != "" {
		fmt.Sscanf(after.Version, "%d", &next)
	}
	for ; ; next += 1000 {
		m.lists++
		page := make([]lake.Listed, 1000)
		for i := range page {
			n := next + i
			page[i] = lake.Listed{
				Object: contract.Object{Bucket: bucket, Key: fmt.Sprintf("things/%08d", n), VersionID: "v", Size: 1},
				// spread over the keys, as names that do not begin with the date are
				Modified: m.now.Add(-time.Hour - time.Duration(n%365)*24*time.Hour),
			}
		}
		marker := lake.Marker{Key: page[999].Key, Version: fmt.Sprint(next + 1000)}
		if next+1000 == versions {
			marker = lake.Marker{}
		}
		if err := visit(page, marker); err != nil || marker == (lake.Marker{}) {
			return err
		}
	}
}

// Statuses knows every load.
func (m *millions) Statuses(_ context.Context, ids []string) (map[string]contract.Status, error) {
	m.gets += len(ids)
	known := make(map[string]contract.Status, len(ids))
	for _, id := range ids {
		known[id] = contract.Published
	}
	return known, nil
}

func (m *millions) Open(context.Context, time.Time, int) ([]ledger.Load, error) { return nil, nil }

// BenchmarkTenMillionVersions reports requests and list prices of an ordinary and of a full pass, and of a month with
// the defaults of production, which begins a pass every five minutes if the one before is over: at 100 ms a page, a
// pass of ten million versions takes 17 minutes of listing, 86 fit into a day. docs/decisions has the result.
func BenchmarkTenMillionVersions(b *testing.B) {
	for range b.N {
		m := &millions{Fake: ledgertest.New(), now: now}
		s := &Sweeper{
			Bucket: "landing", Grace: 15 * time.Minute, Horizon: 48 * time.Hour, Full: 24 * time.Hour, Owner: "a", Ledger: m,
			Landing: m, Queue: newWorld(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return m.now },
		}
		s.Intake = "queue"
		pass := func(name string) float64 {
			m.lists, m.gets = 0, 0
			if report, err := s.Sweep(b.Context()); err != nil || report.Versions != versions {
				b.Fatal(report, err)
			}
			dollars := float64(m.lists)*listDollars + float64(m.gets)*readUnits*readDollars
			b.ReportMetric(float64(m.lists), "lists/"+name)
			b.ReportMetric(float64(m.gets), "reads/"+name)
			b.ReportMetric(dollars, "$/"+name)
			return dollars
		}
		full, ordinary := pass("full"), pass("pass")
		b.ReportMetric(30*(full+85*ordinary), "$/month")
	}
}
