package config

import (
	"regexp"
	"strings"
)

// Backup is how AWS Backup copies the ledger and both buckets.
type Backup struct {
	Enabled bool `json:"enabled"` // a vault, and a plan that fills it
	// when a backup begins, in UTC: the six fields of EventBridge's cron, such as "0 5 * * ? *"
	Schedule      string `json:"schedule"`
	RetentionDays int    `json:"retentionDays" limits:"1..36500"` // how long a backup is kept, days
	// keeps the buckets so that they can be restored to any second, for at most 35 days; the ledger is copied by schedule
	// all the same
	Continuous bool      `json:"continuous"`
	Lock       VaultLock `json:"lock"` // who may delete backups before their time
	// ARN of a vault in another region or account that each backup is copied to; "": none. Its policy has to admit this
	// account
	CopyTo string `json:"copyTo"`
}

// VaultLock is a lock of the vault.
type VaultLock struct {
	// governance: whoever has the right may take the lock off. compliance: nobody may, AWS included, once graceDays are
	// over, and the vault stays until its last backup has expired
	Mode    LockMode `json:"mode"`
	MinDays int      `json:"minDays" limits:"1..36500"` // shortest retention that the vault accepts, days
	MaxDays int      `json:"maxDays" limits:"1..36500"` // longest one, days
	// compliance alone: for how long the lock can still be taken off, days
	GraceDays int `json:"graceDays" limits:"3..36500"`
}

// continuousDays is how far back continuous backups reach ("Continuous backups and point-in-time recovery", AWS Backup
// developer guide).
const continuousDays = 35

var (
	// cronField is one of EventBridge's: numbers, names, ranges, steps, lists, and ? L W #.
	cronField = regexp.MustCompile(`^[0-9A-Z*?,/#-]+$`)
	vaultARN  = regexp.MustCompile(`^arn:aws[a-z-]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]{2,50}$`)
)

func (s *Stack) validateBackup(found *problems) {
	b := s.Backup
	if !b.Enabled {
		return
	}
	if s.Environment == Local {
		found.add("backup.enabled", "local mode has no AWS Backup")
	}
	fields := strings.Fields(b.Schedule)
	valid := len(fields) == 6
	for _, f := range fields {
		valid = valid && cronField.MatchString(f)
	}
	if !valid {
		found.add("backup.schedule", "%q: want the six fields of EventBridge's cron, such as \"0 5 * * ? *\"", b.Schedule)
	}
	if b.Continuous && b.RetentionDays > continuousDays {
		found.add("backup.retentionDays", "%d: continuous backups reach back %d days at most", b.RetentionDays,
			continuousDays)
	}
	if l := b.Lock; l.Mode != NoLock {
		if l.MinDays > l.MaxDays {
			found.add("backup.lock.minDays", "%d: more than backup.lock.maxDays, %d", l.MinDays, l.MaxDays)
		} else if b.RetentionDays < l.MinDays || b.RetentionDays > l.MaxDays {
			found.add("backup.retentionDays", "%d: the vault's lock refuses backups of less than %d or more than %d days",
				b.RetentionDays, l.MinDays, l.MaxDays)
		}
	}
	if b.CopyTo != "" && !vaultARN.MatchString(b.CopyTo) {
		found.add("backup.copyTo", "%q is not the ARN of a backup vault", b.CopyTo)
	}
}
