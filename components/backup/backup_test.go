package backup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/backup"
	"dip/components/componenttest"
	"dip/config"
)

const (
	vault     = "aws:backup/vault:Vault"
	lock      = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
	plan      = "aws:backup/plan:Plan"
	selection = "aws:backup/selection:Selection"
)

func args(change func(*backup.Args)) *backup.Args {
	a := &backup.Args{
		Settings: config.Backup{
			Enabled: true, Schedule: "0 5 * * ? *", RetentionDays: 35, Continuous: true,
			Lock: config.VaultLock{Mode: config.GovernanceLock, MinDays: 7, MaxDays: 365, GraceDays: 30},
		},
		Resources: map[string]pulumi.StringInput{
			"ledger": pulumi.String("arn:table"), "lake": pulumi.String("arn:lake"), "landing": pulumi.String("arn:landing"),
		},
		Protect: true,
	}
	if change != nil {
		change(a)
	}
	return a
}

func run(t *testing.T, change func(*backup.Args)) *componenttest.Recorder {
	t.Helper()
	return componenttest.MustRun(t, func(ctx *pulumi.Context) error {
		_, err := backup.New(ctx, "b", args(change))
		return err
	})
}

func TestBackup(t *testing.T) {
	r := run(t, nil)
	attachment := "aws:iam/rolePolicyAttachment:RolePolicyAttachment::b-role-"
	want := []string{
		plan + "::b-plan", selection + "::b-selection", vault + "::b-vault", lock + "::b-lock", "aws:iam/role:Role::b-role",
		attachment + "backup", attachment + "restores", attachment + "s3-backup", attachment + "s3-restore",
		"aws:kms/key:Key::b-key",
	}
	slices.Sort(want)
	got := r.Children(backup.TypeToken, "b")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("children are %v, want %v", got, want)
	}
	chosen := r.Find(t, selection, "b-selection")
	var arns []string
	for _, v := range chosen.Inputs["resources"].ArrayValue() {
		arns = append(arns, v.StringValue())
	}
	if !slices.Equal(arns, []string{"arn:lake", "arn:landing", "arn:table"}) ||
		chosen.Inputs["iamRoleArn"].StringValue() != "arn:aws:iam::123456789012:role/b-role" {
		t.Errorf("it copies %v", chosen.Inputs)
	}
	for _, right := range []string{"b-role-backup", "b-role-restores", "b-role-s3-backup", "b-role-s3-restore"} {
		if !slices.Contains(chosen.After, right) {
			t.Errorf("it begins before %s: after %v", right, chosen.After)
		}
	}
	trust := r.Find(t, "aws:iam/role:Role", "b-role").Inputs["assumeRolePolicy"].StringValue()
	if !strings.Contains(trust, `"backup.amazonaws.com"`) {
		t.Errorf("the role trusts %s", trust)
	}
	rule := r.Find(t, plan, "b-plan").Inputs["rules"].ArrayValue()[0].ObjectValue()
	kept := rule["lifecycle"].ObjectValue()["deleteAfter"].NumberValue()
	if rule["schedule"].StringValue() != "cron(0 5 * * ? *)" || !rule["enableContinuousBackup"].BoolValue() ||
		rule["targetVaultName"].StringValue() != "b-vault" || kept != 35 {
		t.Errorf("the rule is %v", rule)
	}
	if _, copies := rule["copyActions"]; copies {
		t.Errorf("it is copied on: %v", rule)
	}
}

func TestCopies(t *testing.T) {
	const other = "arn:aws:backup:eu-west-1:123456789012:backup-vault:other"
	r := run(t, func(a *backup.Args) { a.Settings.CopyTo = other })
	rule := r.Find(t, plan, "b-plan").Inputs["rules"].ArrayValue()[0].ObjectValue()
	action := rule["copyActions"].ArrayValue()[0].ObjectValue()
	if action["destinationVaultArn"].StringValue() != other ||
		action["lifecycle"].ObjectValue()["deleteAfter"].NumberValue() != 35 {
		t.Errorf("it is copied as %v", action)
	}
}

// Only compliance has a grace, without which it would be governance; and only without protection may a destroy delete
// backups.
func TestLockAndProtection(t *testing.T) {
	for _, mode := range config.LockModes {
		r := run(t, func(a *backup.Args) { a.Settings.Lock.Mode = mode })
		locked := slices.Contains(r.Children(backup.TypeToken, "b"), lock+"::b-lock")
		if locked != (mode != config.NoLock) {
			t.Errorf("%s: locked is %t", mode, locked)
		}
		if !locked {
			continue
		}
		made := r.Find(t, lock, "b-lock")
		grace, ok := made.Inputs["changeableForDays"]
		if ok != (mode == config.ComplianceLock) || ok && grace.NumberValue() != 30 {
			t.Errorf("%s: the lock is %v", mode, made.Inputs)
		}
		if made.Inputs["minRetentionDays"].NumberValue() != 7 || made.Inputs["maxRetentionDays"].NumberValue() != 365 {
			t.Errorf("%s: the lock is %v", mode, made.Inputs)
		}
	}
	for _, protect := range []bool{false, true} {
		r := run(t, func(a *backup.Args) { a.Protect = protect })
		v, key := r.Find(t, vault, "b-vault"), r.Find(t, "aws:kms/key:Key", "b-key")
		if v.Protect != protect || v.Retain != protect || key.Protect != protect ||
			v.Inputs["forceDestroy"].BoolValue() == protect {
			t.Errorf("protect %t: %+v", protect, v)
		}
	}
}

func TestBadArgsRegisterNothing(t *testing.T) {
	componenttest.MustRefuse(t, "backup b", func(ctx *pulumi.Context) error {
		_, err := backup.New(ctx, "b", &backup.Args{
			Settings: config.Backup{Lock: config.VaultLock{Mode: config.ComplianceLock}},
		})
		return err
	}, "Settings: backups are off", "Resources: missing", "Protect: a vault that is locked in compliance mode")
}
