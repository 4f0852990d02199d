package config

import "testing"

func TestWhatRecordsCost(t *testing.T) {
	p, s := ListPrices(), streamDefaults(Prod)
	cost := func(rate float64) RecordCost { return CostOfRecords(p, s, 1769, ARM64, "m7g.large", 2, rate) }
	slow, fast := cost(100), cost(100_000)
	near := func(what string, got, want float64) {
		t.Helper()
		if d := got - want; d > 0.0006 || d < -0.0006 {
			t.Errorf("%s: %.4f, want %.4f", what, got, want)
		}
	}
	// 100 a second: a million in 2.78 hours, in one shard that keeps them for a week.
	near("provisioned", slow.Provisioned, 2.7778*(0.015+0.02)+0.014)
	near("on demand", slow.OnDemand, 2.7778*0.04+1.024*(0.08+2*0.04))
	// 100,000 a second: ten seconds on 143 shards.
	near("provisioned, fast", fast.Provisioned, 10.0/3600*143*(0.015+0.02)+0.014)
	near("on demand, fast", fast.OnDemand, 10.0/3600*0.04+1.024*(0.08+2*0.04))
	// Batches of the witness hold 10 s of a shard, limited by what an invocation takes: 1,000 and 4,400 records; those of
	// the processor 100 and 699.
	near("S3", slow.S3, (1000+10_000+8*33.333)/1e3*p.S3ThousandWrites+1000/1e3*p.S3ThousandReads)
	near("S3, fast", fast.S3, (1e6/4400.0+1e6/699.3+8*0.0333)/1e3*p.S3ThousandWrites+1e6/4400.0/1e3*p.S3ThousandReads)
	for _, c := range []RecordCost{slow, fast} {
		for what, v := range map[string]float64{"Lambda": c.Lambda, "DynamoDB": c.Ledger, "gateway": c.Gateway} {
			if v <= 0 || v > 1 {
				t.Errorf("%s costs %g", what, v)
			}
		}
	}
	if slow.Together() <= fast.Together() || slow.Gateway <= fast.Gateway || slow.Lambda <= fast.Lambda {
		t.Errorf("a higher rate is dearer: %+v, %+v", slow, fast)
	}
	quick := s
	quick.BatchingWindow, quick.Parallelization = seconds(1), 1
	if c := CostOfRecords(p, quick, 1769, ARM64, "m7g.large", 2, 100); c.S3 <= slow.S3 {
		t.Errorf("a shorter window is cheaper: %+v", c)
	}
}
