package policy

// AdministerKey is all that may be done with a KMS key but to use it, or to let others use it by a grant.
var AdministerKey = []string{
	"kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies", "kms:GetKeyRotationStatus",
	"kms:EnableKey", "kms:DisableKey", "kms:UpdateKeyDescription", "kms:TagResource", "kms:UntagResource",
	"kms:ListResourceTags", "kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias", "kms:ScheduleKeyDeletion",
	"kms:CancelKeyDeletion", "kms:ListGrants", "kms:RevokeGrant",
}
