package config

import (
	"strings"
	"testing"
)

func TestBackup(t *testing.T) {
	const lock = "the vault's lock refuses backups of less than 7 or more than 365 days"
	for name, c := range map[string]struct {
		environment, settings string
		problems              []string
	}{
		"as staging has it":           {"staging", `{}`, nil},
		"as prod has it":              {"prod", `{}`, nil},
		"off, whatever else is wrong": {"dev", `{"schedule": "daily", "copyTo": "x"}`, nil},
		"on in dev":                   {"dev", `{"enabled": true}`, nil},
		"on this machine": {"local", `{"enabled": true}`,
			[]string{"backup.enabled: local mode has no AWS Backup"}},
		"no cron of EventBridge": {"prod", `{"schedule": "0 5 * * *"}`,
			[]string{"backup.schedule: \"0 5 * * *\": want"}},
		"a rate": {"prod", `{"schedule": "rate(1 day) a b c d e"}`, []string{"backup.schedule: "}},
		"longer than continuous backups reach": {"prod", `{"retentionDays": 36}`,
			[]string{"backup.retentionDays: 36: continuous backups reach back 35 days at most"}},
		"long without them": {"prod", `{"retentionDays": 90, "continuous": false}`, nil},
		"shorter than the lock": {"prod", `{"retentionDays": 3}`,
			[]string{"backup.retentionDays: 3: " + lock}},
		"short without a lock": {"prod", `{"retentionDays": 3, "lock": {"mode": "none"}}`, nil},
		"a lock that admits nothing": {"prod", `{"lock": {"minDays": 400}}`,
			[]string{"backup.lock.minDays: 400: more than backup.lock.maxDays, 365"}},
		"a short grace": {"prod", `{"lock": {"mode": "compliance", "graceDays": 2}}`, []string{"backup.lock.graceDays"}},
		"another vault": {"prod", `{"copyTo": "arn:aws:backup:eu-west-1:123456789012:backup-vault:dip"}`, nil},
		"no vault": {"prod", `{"copyTo": "arn:aws:s3:::bucket"}`,
			[]string{"backup.copyTo: \"arn:aws:s3:::bucket\" is not the ARN of a backup vault"}},
		"no mode": {"prod", `{"lock": {"mode": "strict"}}`, []string{"backup.lock.mode"}},
	} {
		_, err := parse(t, `{"environment": "`+c.environment+`", "backup": `+c.settings+`, "segments": {"trips": {}}}`)
		var got []string
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "backup.") {
					got = append(got, strings.TrimSpace(line))
				}
			}
		}
		if len(got) != len(c.problems) {
			t.Errorf("%s: %q, want %q", name, got, c.problems)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.problems[i]) {
				t.Errorf("%s: %q, want %q", name, got[i], c.problems[i])
			}
		}
	}
}
