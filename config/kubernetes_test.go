package config

import (
	"strings"
	"testing"
)

// What the preview says about a version on each day of its life.
func TestCheckSupport(t *testing.T) {
	const ends = "cluster.version: standard support of 1.34 ends on 2026-12-02; from then on the cluster costs $365"
	for _, c := range []struct {
		version, today string
		extended       bool
		warning, err   string
	}{
		{version: "1.34", today: "2026-10-02"},
		{version: "1.34", today: "2026-10-03", warning: ends},
		{version: "1.34", today: "2026-12-01", warning: ends},
		{version: "1.34", today: "2026-12-02", err: "cluster.version: 1.34: standard support ended on 2026-12-02, and the " +
			"cluster costs $0.60 instead of $0.10 an hour, $365 a month more; choose a newer one of 1.33, 1.34, 1.35, 1.36, " +
			"or accept it with cluster.extendedSupport: true"},
		{version: "1.34", today: "2026-12-02", extended: true,
			warning: "cluster.version: 1.34 is in extended support, $365 a month more, until 2027-12-02"},
		{version: "1.34", today: "2027-12-02", extended: true, err: "cluster.version: 1.34: EKS ended all support on " +
			"2027-12-02"},
		{version: "1.33", today: "2026-11-27", err: "cluster.version: 1.33: standard support ended on 2026-07-29"},
		{version: defaultKubernetes, today: "2026-11-27"},
		{version: "1.21", today: "2026-11-27", err: `cluster.version: "1.21" is unknown`},
	} {
		warning, err := Cluster{Version: c.version, ExtendedSupport: c.extended}.CheckSupport(day(c.today))
		if !strings.HasPrefix(warning, c.warning) || (warning == "") != (c.warning == "") {
			t.Errorf("%s on %s warns %q, want %q", c.version, c.today, warning, c.warning)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%s on %s: %v, want %q", c.version, c.today, err, c.err)
		}
	}
}

// Each known version has 14 months of standard support and a year of extended support, and the default has most left.
func TestKnownVersions(t *testing.T) {
	names := KubernetesVersions()
	if strings.Join(names, " ") != "1.33 1.34 1.35 1.36" {
		t.Errorf("versions are %v", names)
	}
	for _, name := range names {
		r := kubernetes[name]
		if Minor(r.autoscaler) != name || !day(r.standardEnds).AddDate(1, 0, 0).Equal(day(r.extendedEnds)) {
			t.Errorf("%s: %+v", name, r)
		}
		if day(r.standardEnds).After(day(kubernetes[defaultKubernetes].standardEnds)) {
			t.Errorf("%s is supported longer than the default", name)
		}
	}
}

func TestCheckUpgrade(t *testing.T) {
	for _, c := range []struct{ live, want, err string }{
		{"1.35", "1.36", ""}, {"1.36", "1.36", ""}, {"", "1.36", ""},
		{"1.34", "1.36", "cluster.version: 1.36: the cluster runs 1.34, and EKS upgrades one minor at a time; deploy 1.35 " +
			"first"},
		{"1.36", "1.35", "cluster.version: 1.35: the cluster runs 1.36, and EKS does not downgrade; want 1.36"},
	} {
		err := Cluster{Version: c.want}.CheckUpgrade(c.live)
		if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("from %s to %s: %v", c.live, c.want, err)
		}
	}
}
