// Package backup has AWS Backup copy a stack's table and buckets into a vault of the stack's own.
package backup

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/backup"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/components/policy"
	"dip/config"
)

// TypeToken is the component's type.
const TypeToken = "dip:backup:Backup"

// Args configure a backup.
type Args struct {
	// Settings are schedule, retention and lock. Required: enabled, and valid by the rules of config.
	Settings config.Backup
	// Resources are the ARNs of what is copied, by name. The zero value is invalid.
	Resources map[string]pulumi.StringInput
	// Protect keeps the vault, its backups and their key when the stack is destroyed. Zero: they are deleted.
	Protect bool
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(!a.Settings.Enabled, "Settings", "backups are off")
	found.If(len(a.Resources) == 0, "Resources", "missing")
	found.If(!a.Protect && a.Settings.Lock.Mode == config.ComplianceLock, "Protect",
		"a vault that is locked in compliance mode cannot be deleted")
	return found.Err()
}

// Backup is a vault and the plan that fills it.
type Backup struct {
	pulumi.ResourceState

	Vault pulumi.StringOutput // name
	Role  pulumi.StringOutput // ARN; takes backups, and restores them

	key    *kms.Key
	vault  *backup.Vault
	role   *iam.Role
	plan   *backup.Plan
	rights []pulumi.Resource
}

// New declares a backup.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Backup, error) {
	b := &Backup{}
	return component.Declare(ctx, TypeToken, name, b, args, opts,
		b.warn, b.createKey, b.createVault, b.lock, b.createRole, b.createPlan, b.choose)
}

// Outputs are the vault's name and the role's ARN.
func (b *Backup) Outputs() pulumi.Map { return pulumi.Map{"vault": b.Vault, "role": b.Role} }

// warn says in every preview what cannot be undone.
func (b *Backup) warn(ctx *pulumi.Context, args *Args) error {
	l := args.Settings.Lock
	if l.Mode != config.ComplianceLock {
		return nil
	}
	return ctx.Log.Warn(fmt.Sprintf("backup.lock.mode is compliance: %d days after this deployment nobody, AWS included, "+
		"can take the lock off, shorten it or delete a backup before its time, and the vault is paid for until its last "+
		"backup has expired, at most %d days later", l.GraceDays, l.MaxDays), &pulumi.LogArgs{Resource: b})
}

func keep(args *Args) pulumi.ResourceOption {
	return pulumi.Composite(pulumi.Protect(args.Protect), pulumi.RetainOnDelete(args.Protect))
}

// createKey makes a key of the vault's own: backups outlive the keys of what they are copies of.
func (b *Backup) createKey(ctx *pulumi.Context, args *Args) (err error) {
	b.key, err = component.Child(ctx, b, "key", kms.NewKey, &kms.KeyArgs{
		Description:       pulumi.String("Backups in the vault of " + b.PulumiResourceName()),
		EnableKeyRotation: pulumi.Bool(true), DeletionWindowInDays: pulumi.Int(30),
	}, keep(args))
	return err
}

// createVault makes a vault. One that holds backups refuses to be deleted: a destroy deletes them first unless they are
// kept.
func (b *Backup) createVault(ctx *pulumi.Context, args *Args) (err error) {
	b.vault, err = component.Child(ctx, b, "vault", backup.NewVault, &backup.VaultArgs{
		KmsKeyArn: b.key.Arn, ForceDestroy: pulumi.Bool(!args.Protect),
	}, keep(args))
	if err == nil {
		b.Vault = b.vault.Name
	}
	return err
}

// lock refuses to delete backups before their time. Only compliance mode has a grace.
func (b *Backup) lock(ctx *pulumi.Context, args *Args) error {
	l := args.Settings.Lock
	if l.Mode == config.NoLock {
		return nil
	}
	lock := &backup.VaultLockConfigurationArgs{
		BackupVaultName: b.vault.Name, MinRetentionDays: pulumi.Int(l.MinDays), MaxRetentionDays: pulumi.Int(l.MaxDays),
	}
	if l.Mode == config.ComplianceLock {
		lock.ChangeableForDays = pulumi.Int(l.GraceDays)
	}
	_, err := component.Child(ctx, b, "lock", backup.NewVaultLockConfiguration, lock, keep(args))
	return err
}

// managed are AWS's own policies, by the names of their attachments: what AWS Backup asks of a table, a bucket and its
// vaults changes, and they with it ("Managed policies for AWS Backup", "Amazon S3 backups"). No other account can have
// AWS Backup take this role: it would have to pass it.
var managed = map[string]string{
	"backup":     "service-role/AWSBackupServiceRolePolicyForBackup",
	"restores":   "service-role/AWSBackupServiceRolePolicyForRestores",
	"s3-backup":  "AWSBackupServiceRolePolicyForS3Backup",
	"s3-restore": "AWSBackupServiceRolePolicyForS3Restore",
}

func (b *Backup) createRole(ctx *pulumi.Context, _ *Args) (err error) {
	if b.role, err = policy.Role(ctx, b, "role", "backup.amazonaws.com", nil); err != nil {
		return err
	}
	b.Role = b.role.Arn
	for _, name := range slices.Sorted(maps.Keys(managed)) {
		attached, err := component.Child(ctx, b, "role-"+name, iam.NewRolePolicyAttachment, &iam.RolePolicyAttachmentArgs{
			Role: b.role.Name, PolicyArn: pulumi.String("arn:aws:iam::aws:policy/" + managed[name]),
		})
		if err != nil {
			return err
		}
		b.rights = append(b.rights, attached)
	}
	return nil
}

func (b *Backup) createPlan(ctx *pulumi.Context, args *Args) (err error) {
	s := args.Settings
	rule := &backup.PlanRuleArgs{
		RuleName: pulumi.String("all"), TargetVaultName: b.vault.Name,
		Schedule:               pulumi.Sprintf("cron(%s)", s.Schedule),
		EnableContinuousBackup: pulumi.Bool(s.Continuous),
		Lifecycle:              &backup.PlanRuleLifecycleArgs{DeleteAfter: pulumi.Int(s.RetentionDays)},
	}
	if s.CopyTo != "" {
		rule.CopyActions = backup.PlanRuleCopyActionArray{&backup.PlanRuleCopyActionArgs{
			DestinationVaultArn: pulumi.String(s.CopyTo),
			Lifecycle:           &backup.PlanRuleCopyActionLifecycleArgs{DeleteAfter: pulumi.Int(s.RetentionDays)},
		}}
	}
	b.plan, err = component.Child(ctx, b, "plan", backup.NewPlan, &backup.PlanArgs{Rules: backup.PlanRuleArray{rule}})
	return err
}

// choose says what the plan copies, when the role may read it.
func (b *Backup) choose(ctx *pulumi.Context, args *Args) error {
	var resources pulumi.StringArray
	for _, name := range slices.Sorted(maps.Keys(args.Resources)) {
		resources = append(resources, args.Resources[name])
	}
	_, err := component.Child(ctx, b, "selection", backup.NewSelection, &backup.SelectionArgs{
		PlanId: b.plan.ID(), IamRoleArn: b.role.Arn, Resources: resources,
	}, component.After(b.rights...))
	return err
}
