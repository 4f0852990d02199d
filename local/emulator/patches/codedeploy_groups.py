"""CodeDeploy's deployment groups, for functions alone."""

import uuid
from urllib.parse import unquote

from moto.iam.models import iam_backends

from . import codedeploy, codedeploy_api
from .codedeploy_api import error, operation

# Source: API reference, AlarmConfiguration.
_MOST_ALARMS = 10
_ROLLBACK_EVENTS = {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
# What a group keeps as given.
_KEPT = ("serviceRoleArn", "triggerConfigurations", "alarmConfiguration", "autoRollbackConfiguration", "deploymentStyle",
         "deploymentConfigName", "outdatedInstancesStrategy", "terminationHookEnabled")


def _check_group(backend, group):
    """What CodeDeploy refuses of a group for functions."""
    codedeploy.config(backend, group["deploymentConfigName"])
    style = group.get("deploymentStyle") or {}
    if (style.get("deploymentType"), style.get("deploymentOption")) != ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL"):
        message = "For Lambda deployment group, the deployment type is BLUE_GREEN and the option WITH_TRAFFIC_CONTROL"
        raise error("InvalidDeploymentStyle", message)
    check_alarms(group.get("alarmConfiguration") or {})
    rollback = group.get("autoRollbackConfiguration") or {}
    unknown = set(rollback.get("events") or []) - _ROLLBACK_EVENTS
    if unknown or rollback.get("enabled") and not rollback.get("events"):
        raise error("InvalidAutoRollbackConfig", f"events {rollback.get('events')}: want one or more of {sorted(_ROLLBACK_EVENTS)}")
    _check_role(backend, group.get("serviceRoleArn"))


def check_alarms(alarms):
    names = [alarm.get("name") for alarm in alarms.get("alarms") or []]
    if len(names) > _MOST_ALARMS:
        raise error("AlarmsLimitExceeded", f"{len(names)} alarms, at most {_MOST_ALARMS} are accepted")
    if len(set(names)) < len(names) or not all(names):
        raise error("InvalidAlarmConfig", f"an alarm is unnamed or named twice: {names}")
    if alarms.get("enabled") and not names:
        raise error("InvalidAlarmConfig", "alarms are enabled, and none is named")


def _check_role(backend, role):
    """CodeDeploy tries to take the role."""
    if not role:
        raise error("RoleRequired", "serviceRoleArn is missing")
    for known in iam_backends[backend.account_id]["aws"].roles.values():
        if known.arn == role and "codedeploy.amazonaws.com" in unquote(known.assume_role_policy_document or ""):
            return
    raise error("InvalidRole", f"CodeDeploy does not have the permissions required to assume the role {role}.")


@operation
def create_deployment_group(backend, p):
    of = codedeploy_api.application(backend, p)["applicationName"]
    name = codedeploy_api.named(p, "deploymentGroupName", "DeploymentGroup")
    if (of, name) in backend.deployment_groups:
        raise error("DeploymentGroupAlreadyExists", f"Deployment Group already exists: {name}")
    group = {
        "applicationName": of,
        "deploymentGroupId": str(uuid.uuid4()),
        "deploymentGroupName": name,
        "computePlatform": "Lambda",
        "outdatedInstancesStrategy": "UPDATE",
        "deploymentConfigName": codedeploy.PREDEFINED + "LambdaAllAtOnce",
        **{key: p[key] for key in _KEPT if p.get(key) is not None},
    }
    _check_group(backend, group)
    backend.deployment_groups[of, name] = group
    codedeploy_api.tag(backend, codedeploy_api.group_arn(backend, group), p.get("tags"))
    return {"deploymentGroupId": group["deploymentGroupId"]}


@operation
def list_deployment_groups(backend, p):
    name = codedeploy_api.application(backend, p)["applicationName"]
    return {"applicationName": name, "deploymentGroups": [key[1] for key in backend.deployment_groups if key[0] == name]}


@operation
def update_deployment_group(backend, p):
    group = codedeploy_api.group(backend, p, "currentDeploymentGroupName")
    changed = {**group, **{key: p[key] for key in _KEPT if p.get(key) is not None}}
    old = new = group["deploymentGroupName"]
    if p.get("newDeploymentGroupName") not in (None, old):
        new = codedeploy_api.named(p, "newDeploymentGroupName", "DeploymentGroup")
        if (group["applicationName"], new) in backend.deployment_groups:
            raise error("DeploymentGroupAlreadyExists", f"Deployment Group already exists: {new}")
    _check_group(backend, changed)
    of = group["applicationName"]
    del backend.deployment_groups[of, old]
    backend.deployment_groups[of, new] = {**changed, "deploymentGroupName": new}
    codedeploy_api.move_tags(backend, f"deploymentgroup:{of}/{old}", f"deploymentgroup:{of}/{new}")
    return {"hooksNotCleanedUp": []}


@operation
def delete_deployment_group(backend, p):
    of = codedeploy_api.named(p, "applicationName", "Application")
    codedeploy_api.forget_group(backend, of, codedeploy_api.named(p, "deploymentGroupName", "DeploymentGroup"))
    return {"hooksNotCleanedUp": []}
