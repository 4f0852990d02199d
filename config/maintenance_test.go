package config

import (
	"strings"
	"testing"
)

func TestMaintenance(t *testing.T) {
	const weekly = `"windows": [{"name": "weekly", "start": "0 2 * * 2", "duration": "4h"`
	for name, c := range map[string]struct {
		environment, settings string
		problems              []string
	}{
		"as it is":                    {"prod", `{}`, nil},
		"off, whatever else is wrong": {"dev", `{"enabled": false, "windows": [], "sleep": {"from": "x"}}`, nil},
		"no windows": {"dev", `{"windows": []}`,
			[]string{"maintenance.windows: none: no node would ever be updated"}},
		"no windows, and ups update": {"dev", `{"windows": [], "nodes": false}`, nil},
		"a zone, exceptions":         {"dev", `{` + weekly + `, "timeZone": "Europe/Berlin", "except": ["2026-12-22"]}]}`, nil},
		"two of a name": {"dev", `{` + weekly + `}, {"name": "weekly", "start": "0 2 * * 3", "duration": "4h"}]}`,
			[]string{`maintenance.windows[1].name: "weekly" is taken`}},
		"the name of those that people open": {"dev",
			`{"windows": [{"name": "forced", "start": "0 2 * * 2", "duration": "4h"}]}`,
			[]string{`maintenance.windows[0].name: "forced" is taken`}},
		"a window of nothing": {"dev", `{"windows": [{"name": "W", "start": "0 2"}]}`, []string{
			"maintenance.windows[0].duration: 0s: want 1h to 24h", `maintenance.windows[0].name: "W": want`,
			`maintenance.windows[0].start: "0 2": want five fields`}},
		"a window that never opens": {"dev", `{"windows": [{"name": "w", "start": "0 2 30 2 *", "duration": "1h"}]}`,
			[]string{`maintenance.windows[0].start: "0 2 30 2 *" never comes`}},
		"no zone": {"dev", `{` + weekly + `, "timeZone": "Local"}], "sleep": {"timeZone": "Mars"}}`, []string{
			`maintenance.sleep.timeZone: "Mars": want an IANA`, `maintenance.windows[0].timeZone: "Local": want an IANA`}},
		"no dates": {"dev", `{` + weekly + `, "except": ["24.12."]}], "sleep": {"holidays": ["2026-12-25", "2026-12-25"]}}`,
			[]string{"maintenance.sleep.holidays[1]: 2026-12-25 is listed twice", `maintenance.windows[0].except[0]: "24.12."`}},
		"too many dates": {"dev", `{"sleep": {"holidays": [` + strings.Repeat(`"2026-12-25",`, 60) + `"2026-12-25"]}}`, nil},
		"no hours": {"dev", `{"sleep": {"from": "8 pm", "until": "6:00"}}`, []string{
			`maintenance.sleep.from: "8 pm": want a time such as 20:00`, `maintenance.sleep.until: "6:00": want a time`}},
		"no sleep at all": {"dev", `{"sleep": {"from": "06:00"}}`,
			[]string{"maintenance.sleep.until: 06:00, which is maintenance.sleep.from"}},
		"no business days": {"dev", `{"sleep": {"businessDays": []}}`, []string{"maintenance.sleep.businessDays: none"}},
		"no weekday":       {"dev", `{"sleep": {"businessDays": ["Monday"]}}`, []string{"maintenance.sleep.businessDays[0]: "}},
		"hours do not matter to a stack that never sleeps": {"prod", `{"sleep": {"from": "x"}}`, nil},
	} {
		_, err := parse(t, `{"environment": "`+c.environment+`", "maintenance": `+c.settings+`, "segments": {"trips": {}},
			"cluster": {"publicCidrs": ["203.0.113.7/32"]}}`)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if name == "too many dates" {
			if len(got) != 61 || !strings.HasPrefix(got[60], "maintenance: 61 dates") {
				t.Errorf("%s: %d problems, the last is %q", name, len(got), got[len(got)-1])
			}
			continue
		}
		if len(got) != len(c.problems) {
			t.Errorf("%s: %q, want %q", name, got, c.problems)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.problems[i]) {
				t.Errorf("%s: %q, want %q", name, got[i], c.problems[i])
			}
		}
	}
}

// What keeps the scalers running does not sleep, and a group with windows of its own has those.
func TestWhoSleeps(t *testing.T) {
	const stack = `{"environment": "dev", "segments": {"trips": {}}, "cluster": {"publicCidrs": ["203.0.113.7/32"]},
		"nodeGroups": {"batch": {"kind": "batch", "dedicated": true}, "services": `
	for settings, want := range map[string]string{
		`{"min": 2}`:              "",
		`{"min": 2, "asleep": 0}`: "nodeGroups.services.asleep: 0: the scalers themselves",
		`{"min": 2, "asleep": 2}`: "",
		`{"min": 2, "asleep": 5}`: "",
		`{"min": 0}`:              "nodeGroups.services.min: 0: the scalers themselves",
		`{"min": 2, "asleep": 0, "windows": [{"name": "peak", "start": "0 6 * * *", "min": 3}]}`: "",
	} {
		s, err := parse(t, stack+settings+`}}`)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", settings, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		g := s.NodeGroups["services"]
		if sleeps := settings == `{"min": 2}`; s.Sleeps(g) != sleeps || g.AsleepMin() > g.Min {
			t.Errorf("%s: sleeps %t with %d", settings, s.Sleeps(g), g.AsleepMin())
		}
		if s.Sleeps(s.NodeGroups["batch"]) {
			t.Errorf("%s: a group without nodes sleeps", settings)
		}
	}
}

func TestMaintenancePlan(t *testing.T) {
	s, err := parse(t, `{"environment": "staging", "segments": {"trips": {}}, "cluster": {"publicCidrs": ["203.0.113.7/32"]},
		"maintenance": {"sleep": {"holidays": ["2026-12-25"], "businessDays": ["sun", "sat"]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	p := s.MaintenancePlan()
	if len(p.Windows) != 1 || p.Windows[0].Minutes != 240 || p.Windows[0].Zone != "UTC" || !p.Nodes || p.SupportEnds == "" {
		t.Errorf("%+v", p)
	}
	z := p.Sleep
	if z == nil || z.From != "20:00" || z.Until != "06:00" || len(z.Holidays) != 1 || z.BusinessDays[0] != 0 ||
		z.BusinessDays[1] != 6 {
		t.Errorf("%+v", z)
	}
	if s, err = parse(t, `{"environment": "local", "segments": {"trips": {}}}`); err != nil {
		t.Fatal(err)
	}
	if p := s.MaintenancePlan(); p.Sleep != nil || p.SupportEnds != "" || len(p.Windows) != 1 {
		t.Errorf("without a cluster: %+v", p)
	}
}
