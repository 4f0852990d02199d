"""AWS Backup's vaults, plans and selections, as far as a stack declares them. Nothing is ever backed up."""

import json
import uuid
from urllib.parse import unquote

import moto.backup.models as models
import moto.backup.urls as urls
from moto.backup.exceptions import InvalidRequestException, ResourceNotFoundException
from moto.backup.responses import BackupResponse
from moto.core.utils import unix_time

from . import core


def _operation(function):
    """Makes a function of (backend, parameters) the handler of the operation with its name."""

    def handle(self):
        self._get_action()  # matches the path
        path = {name: unquote(value) for name, value in self.uri_match.groupdict().items()}
        found = function(self.backup_backend, {**(json.loads(self.body) if self.body else {}), **path})
        return 200, {"Content-Type": "application/json"}, json.dumps(found)

    setattr(BackupResponse, function.__name__, handle)
    return function


@_operation
def list_tags(backend, p):
    """moto takes the ARN from the path with a slash at its end, which the provider omits."""
    return {"Tags": backend.list_tags(p["resourceArn"].rstrip("/"))}


@_operation
def tag_resource(backend, p):
    backend.tag_resource(p["resourceArn"], p["Tags"])
    return {}


@_operation
def untag_resource(backend, p):
    backend.untag_resource(p["resourceArn"], p["TagKeyList"])
    return {}


def _plan(backend, p):
    plan = backend.plans.get(p["backupPlanId"].strip("/"))
    if plan is None:
        raise ResourceNotFoundException(msg="Failed reading Backup plan with provided version")
    return plan


@_operation
def update_backup_plan(backend, p):
    """A plan is replaced as a whole, and gets a new version."""
    plan = _plan(backend, p)
    fresh = models.Plan(p["BackupPlan"], plan.creator_request_id, backend)
    plan.backup_plan, plan.version_id = fresh.backup_plan, fresh.version_id
    plan.advanced_backup_settings = fresh.advanced_backup_settings
    return plan.to_dict()


@_operation
def delete_backup_plan(backend, p):
    """moto keeps a deleted plan, and deletes one that still chooses resources."""
    plan = _plan(backend, p)
    if _selections(backend, plan):
        raise InvalidRequestException(msg="Related backup plan selections must be deleted prior to backup plan deletion")
    del backend.plans[plan.backup_plan_id]
    return {"BackupPlanId": plan.backup_plan_id, "BackupPlanArn": plan.backup_plan_arn, "DeletionDate": unix_time(),
            "VersionId": plan.version_id}


def _selections(backend, plan):
    every = backend.__dict__.setdefault("selections", {})
    return every.setdefault(plan.backup_plan_id, {})


@_operation
def create_backup_selection(backend, p):
    plan = _plan(backend, p)
    name = str(uuid.uuid4())
    made = {"SelectionId": name, "BackupPlanId": plan.backup_plan_id, "CreationDate": unix_time(),
            "BackupSelection": p["BackupSelection"], "CreatorRequestId": p.get("CreatorRequestId", "")}
    _selections(backend, plan)[name] = made
    return {key: made[key] for key in ("SelectionId", "BackupPlanId", "CreationDate")}


def _selection(backend, p):
    found = _selections(backend, _plan(backend, p)).get(p["selectionId"])
    if found is None:
        raise ResourceNotFoundException(msg=f"Cannot find Backup Selection with ID {p['selectionId']}")
    return found


@_operation
def get_backup_selection(backend, p):
    return _selection(backend, p)


@_operation
def list_backup_selections(backend, p):
    every = _selections(backend, _plan(backend, p)).values()
    short = [{**one, **{key: one["BackupSelection"].get(key, "") for key in ("SelectionName", "IamRoleArn")}} for one in every]
    return {"BackupSelectionsList": [{k: v for k, v in one.items() if k != "BackupSelection"} for one in short]}


@_operation
def delete_backup_selection(backend, p):
    found = _selection(backend, p)
    del _selections(backend, _plan(backend, p))[found["SelectionId"]]
    return {}


@_operation
def list_recovery_points_by_backup_vault(backend, p):
    """Asked before a vault is deleted."""
    backend.describe_backup_vault(p["backupVaultName"])
    return {"RecoveryPoints": []}


def apply():
    urls.url_paths["{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/$"] = urls.response.dispatch
    core.serialize(BackupResponse)
