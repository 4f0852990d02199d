package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// back sends a request to AWS Backup; into may be nil.
func back(t *testing.T, method, path string, body, into any) error {
	t.Helper()
	data := []byte{}
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	text, err := send(t, "backup", method, path, "application/json", string(data))
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

func TestBackupPlansChooseResources(t *testing.T) {
	t.Parallel()
	vault := "/backup-vaults/" + t.Name()
	ok(t, back(t, http.MethodPut, vault, object{"BackupVaultTags": object{"a": "b"}}, nil))
	ok(t, back(t, http.MethodPut, vault+"/vault-lock", object{"MinRetentionDays": 7, "MaxRetentionDays": 30}, nil))
	var described struct {
		BackupVaultArn   string
		Locked           bool
		MinRetentionDays int
	}
	ok(t, back(t, http.MethodGet, vault, nil, &described))
	if !described.Locked || described.MinRetentionDays != 7 {
		t.Errorf("the locked vault is %+v", described)
	}
	var tags struct{ Tags map[string]string }
	// Without a slash at its end, as the provider asks; documented is one with it.
	for _, path := range []string{"/tags/" + url.PathEscape(described.BackupVaultArn), "/tags/" +
		url.PathEscape(described.BackupVaultArn) + "/"} {
		ok(t, back(t, http.MethodGet, path, nil, &tags))
		if tags.Tags["a"] != "b" {
			t.Errorf("%s has the tags %v", path, tags.Tags)
		}
	}

	plan := func(days int) object {
		return object{"BackupPlan": object{"BackupPlanName": t.Name(), "Rules": []object{{
			"RuleName": "all", "TargetBackupVaultName": t.Name(), "Lifecycle": object{"DeleteAfterDays": days}}}}}
	}
	type version struct {
		BackupPlanID, VersionID string
		BackupPlan              struct {
			Rules []struct{ Lifecycle struct{ DeleteAfterDays int } }
		}
	}
	var made, changed, read version
	ok(t, back(t, http.MethodPut, "/backup/plans/", plan(10), &made))
	path := "/backup/plans/" + made.BackupPlanID
	ok(t, back(t, http.MethodPost, path, plan(20), &changed))
	ok(t, back(t, http.MethodGet, path+"/", nil, &read))
	if changed.VersionID == made.VersionID || read.BackupPlan.Rules[0].Lifecycle.DeleteAfterDays != 20 {
		t.Errorf("after its change, plan %+v is %+v", made, read)
	}

	var chosen struct{ SelectionID string }
	selection := object{"SelectionName": "all", "IamRoleArn": "arn:aws:iam::123456789012:role/r",
		"Resources": []string{"arn:aws:s3:::lake"}}
	ok(t, back(t, http.MethodPut, path+"/selections/", object{"BackupSelection": selection}, &chosen))
	var found struct{ BackupSelection struct{ Resources []string } }
	ok(t, back(t, http.MethodGet, path+"/selections/"+chosen.SelectionID, nil, &found))
	if len(found.BackupSelection.Resources) != 1 {
		t.Errorf("the selection is %+v", found)
	}
	refused(t, back(t, http.MethodDelete, path, nil, nil), "selections must be deleted")
	ok(t, back(t, http.MethodDelete, path+"/selections/"+chosen.SelectionID, nil, nil))
	refused(t, back(t, http.MethodGet, path+"/selections/"+chosen.SelectionID, nil, nil), "Cannot find")
	ok(t, back(t, http.MethodDelete, path, nil, nil))
	refused(t, back(t, http.MethodGet, path+"/", nil, nil), "")
	ok(t, back(t, http.MethodGet, vault+"/recovery-points/", nil, nil))
	ok(t, back(t, http.MethodDelete, vault, nil, nil))
	refused(t, back(t, http.MethodGet, vault+"/recovery-points/", nil, nil), "")
}
