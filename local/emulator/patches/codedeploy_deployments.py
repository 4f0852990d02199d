"""CodeDeploy's deployments of functions. The runner moves them along: it reads those that have not ended, and puts back
the progress of each. What clients do meanwhile (stop one, report a hook's result) is kept beside that."""

import random
import string

from moto.codedeploy.models import codedeploy_backends

from . import codedeploy, codedeploy_api, codedeploy_appspec, codedeploy_groups, events
from .codedeploy_api import error, operation

_ENDED = ("Succeeded", "Failed", "Stopped")
# Source: "CodeDeploy quotas".
_LONGEST_DESCRIPTION = 256
_CREATED = {"status": "Created"}


def _new_id():
    return "d-" + "".join(random.choices(string.ascii_uppercase + string.digits, k=9))


def _ended(deployment):
    return deployment["progress"]["status"] in _ENDED


def _of(backend, group):
    return [d for d in backend.deployments.values() if d["groupId"] == group["deploymentGroupId"]]


@operation
def get_deployment_group(backend, p):
    group = codedeploy_api.group(backend, p)
    return {"deploymentGroupInfo": {**group, **_last(backend, group)}}


def _last(backend, group):
    """What a group says of its last deployments."""
    found = {}
    for deployment in _of(backend, group):
        info = _info(backend, deployment)
        short = {"deploymentId": info["deploymentId"], "status": info["status"], "createTime": info["createTime"]}
        if "completeTime" in info:
            short["endTime"] = info["completeTime"]
        found["lastAttemptedDeployment"] = short
        if info["status"] == "Succeeded":
            found |= {"lastSuccessfulDeployment": short, "targetRevision": info["revision"]}
    return found


@operation
def create_deployment(backend, p):
    group = codedeploy_api.group(backend, p)
    if len(p.get("description") or "") > _LONGEST_DESCRIPTION:
        raise error("DescriptionTooLong", f"a description has at most {_LONGEST_DESCRIPTION} characters")
    name = p.get("deploymentConfigName") or group["deploymentConfigName"]
    routing = codedeploy.config(backend, name)["trafficRoutingConfig"]
    alarms = p.get("overrideAlarmConfiguration") or group.get("alarmConfiguration") or {}
    codedeploy_groups.check_alarms(alarms)
    spec = codedeploy_appspec.read(p.get("revision"))
    active = [d["id"] for d in _of(backend, group) if not _ended(d)]
    if active:
        message = f"The Deployment Group '{group['deploymentGroupName']}' already has an active Deployment '{active[0]}'"
        raise error("DeploymentLimitExceeded", message)
    rollback = p.get("autoRollbackConfiguration") or group.get("autoRollbackConfiguration") or {}
    made = {
        "id": _new_id(),
        "groupId": group["deploymentGroupId"],
        "groupARN": codedeploy_api.group_arn(backend, group),
        "role": group["serviceRoleArn"],
        "created": codedeploy_api.now(),
        **spec,
        "routing": routing,
        "alarms": [a["name"] for a in alarms.get("alarms") or []] if alarms.get("enabled") else [],
        "ignorePollAlarmFailure": bool(alarms.get("ignorePollAlarmFailure")),
        "rollbackOn": rollback.get("events") or [] if rollback.get("enabled") else [],
        "rollbackOf": "",
        "stop": None,
        "results": {},
        "progress": dict(_CREATED),
        "info": {
            "deploymentConfigName": name,
            "revision": p["revision"],
            "creator": "user",
            "autoRollbackConfiguration": rollback,
            **({"description": p["description"]} if p.get("description") else {}),
        },
    }
    backend.deployments[made["id"]] = made
    return {"deploymentId": made["id"]}


def _find(backend, p):
    name = p.get("deploymentId")
    if not name:
        raise error("DeploymentIdRequired", "deploymentId is missing")
    if not name.startswith("d-"):
        raise error("InvalidDeploymentId", f"{name} is not the id of a deployment")
    if name not in backend.deployments:
        raise error("DeploymentDoesNotExist", f"The deployment {name} could not be found")
    return backend.deployments[name]


def _info(backend, d):
    """A deployment as GetDeployment describes it."""
    groups = backend.deployment_groups.values()
    group = next((g for g in groups if g["deploymentGroupId"] == d["groupId"]), None)
    of, _, name = d["groupARN"].rpartition(":")[2].partition("/")
    progress = d["progress"]
    overview = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
    overview[{"Created": "Pending", "Stopped": "Failed"}.get(progress["status"], progress["status"])] = 1
    info = {
        "deploymentId": d["id"],
        "applicationName": group["applicationName"] if group else of,
        "deploymentGroupName": group["deploymentGroupName"] if group else name,
        "createTime": d["created"],
        "computePlatform": "Lambda",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "deploymentOverview": overview,
        "ignoreApplicationStopFailures": False,
        "updateOutdatedInstancesOnly": False,
        "instanceTerminationWaitTimeStarted": False,
        **d["info"],
        **{key: progress[key] for key in ("status", "startTime", "completeTime", "errorInformation") if key in progress},
    }
    if d["rollbackOf"]:
        info["rollbackInfo"] = {"rollbackTriggeringDeploymentId": d["rollbackOf"]}
    elif "rollbackInfo" in progress:
        info["rollbackInfo"] = progress["rollbackInfo"]
    return info


@operation
def get_deployment(backend, p):
    return {"deploymentInfo": _info(backend, _find(backend, p))}


@operation
def batch_get_deployments(backend, p):
    found = [backend.deployments[name] for name in p["deploymentIds"] if name in backend.deployments]
    return {"deploymentsInfo": [_info(backend, d) for d in found]}


@operation
def list_deployments(backend, p):
    """The ids of deployments, the newest first."""
    if p.get("applicationName") and not p.get("deploymentGroupName"):
        raise error("DeploymentGroupNameRequired", "deploymentGroupName is missing")
    if p.get("deploymentGroupName") and not p.get("applicationName"):
        raise error("ApplicationNameRequired", "applicationName is missing")
    found = list(backend.deployments.values())
    if p.get("applicationName"):
        found = _of(backend, codedeploy_api.group(backend, p))
    wanted = p.get("includeOnlyStatuses")
    between = p.get("createTimeRange") or {}
    found = [d for d in found if between.get("start", 0) <= d["created"] <= between.get("end", float("inf"))]
    return {"deployments": [d["id"] for d in reversed(found) if not wanted or d["progress"]["status"] in wanted]}


@operation
def stop_deployment(backend, p):
    """Asks the runner to stop a deployment, which it does in its next round."""
    d = _find(backend, p)
    status = d["progress"]["status"]
    if status in ("Succeeded", "Failed"):
        raise error("DeploymentAlreadyCompleted", f"The deployment {d['id']} has ended: {status}")
    if status == "Stopped":
        return {"status": "Succeeded", "statusMessage": "The deployment is stopped"}
    rollback = p.get("autoRollbackEnabled")
    if rollback is None:
        rollback = "DEPLOYMENT_STOP_ON_REQUEST" in d["rollbackOn"]
    d["stop"] = d["stop"] or {"rollback": rollback}
    return {"status": "Pending", "statusMessage": "The deployment is being stopped"}


@operation
def put_lifecycle_event_hook_execution_status(backend, p):
    d = _find(backend, p)
    execution, status = p.get("lifecycleEventHookExecutionId"), p.get("status")
    if status not in ("Succeeded", "Failed"):
        raise error("InvalidLifecycleEventHookExecutionStatus", f"{status}: want Succeeded or Failed")
    event = next((e for e in d["progress"].get("events", []) if e.get("execution") == execution), None)
    if event is None or not execution:
        raise error("InvalidLifecycleEventHookExecutionId", f"no hook of {d['id']} is executed as {execution}")
    if execution in d["results"] or event["status"] != "InProgress":
        raise error("LifecycleEventAlreadyCompleted", f"{event['name']} has ended: {event['status']}")
    d["results"][execution] = status
    return {"lifecycleEventHookExecutionId": execution}


def _target(d):
    """The only target of a deployment, as GetDeploymentTarget describes it."""
    progress = d["progress"]
    events = []
    for e in progress.get("events", []):
        times = {theirs: e[ours] for ours, theirs in (("start", "startTime"), ("end", "endTime")) if ours in e}
        why = {"diagnostics": {"errorCode": e["code"], "message": e["message"]}} if "code" in e else {}
        events.append({"lifecycleEventName": e["name"], "status": e["status"], **times, **why})
    statuses = {"Created": "Pending", "Stopped": "Failed"}
    return {
        "deploymentTargetType": "LambdaTarget",
        "lambdaTarget": {
            "deploymentId": d["id"],
            "targetId": f"{d['function']}:{d['alias']}",
            "targetArn": d["function"],
            "status": statuses.get(progress["status"], progress["status"]),
            "lastUpdatedAt": progress.get("updated", d["created"]),
            "lifecycleEvents": events,
            "lambdaFunctionInfo": {
                "functionName": d["function"],
                "functionAlias": d["alias"],
                "currentVersion": d["current"],
                "targetVersion": d["target"],
                "targetVersionWeight": progress.get("weight", 0.0),
            },
        },
    }


@operation
def list_deployment_targets(backend, p):
    return {"targetIds": [_target(_find(backend, p))["lambdaTarget"]["targetId"]]}


@operation
def get_deployment_target(backend, p):
    target = _target(_find(backend, p))
    if p.get("targetId") != target["lambdaTarget"]["targetId"]:
        raise error("DeploymentTargetDoesNotExist", f"the deployment has no target {p.get('targetId')}")
    return {"deploymentTarget": target}


@operation
def batch_get_deployment_targets(backend, p):
    return {"deploymentTargets": [get_deployment_target(backend, {**p, "targetId": t})["deploymentTarget"] for t in p["targetIds"]]}


_FOR_RUNNER = ("id", "groupARN", "role", "function", "alias", "current", "target", "hooks", "routing", "alarms",
               "ignorePollAlarmFailure", "rollbackOn", "rollbackOf", "stop", "results", "progress")


def unfinished():
    """What the runner has to move along, the oldest first."""
    with codedeploy_api.lock:
        backends = [b for regions in list(codedeploy_backends.values()) for b in list(regions.values())]
        every = [d for backend in backends for d in backend.deployments.values() if not _ended(d)]
        return [{key: d[key] for key in _FOR_RUNNER} for d in sorted(every, key=lambda d: d["created"])]


def proceed(name, progress):
    """Takes the progress of a deployment from the runner. One that is rolled back begins another deployment, of the
    version before. A new status is an event. Raises KeyError if there is no such deployment."""
    with codedeploy_api.lock:
        backends = [b for regions in list(codedeploy_backends.values()) for b in list(regions.values())]
        backend = next((b for b in backends if name in b.deployments), None)
        if backend is None:
            raise KeyError(name)
        d = backend.deployments[name]
        before, d["progress"] = d["progress"]["status"], {**progress, "updated": codedeploy_api.now()}
        back = progress.get("rollbackInfo", {}).get("rollbackDeploymentId")
        if back and back not in backend.deployments:
            backend.deployments[back] = _rollback(d, back)
    if progress["status"] != before:  # without the lock: what the event reaches may ask for the deployment
        _tell(backend, d, progress["status"])


# What the events call a status. Source: "Monitoring deployments with Amazon CloudWatch Events", CodeDeploy User Guide.
_STATES = {"InProgress": "START", "Succeeded": "SUCCESS", "Failed": "FAILURE", "Stopped": "STOP"}


def _tell(backend, d, status):
    """Sends the event of a status that a deployment has reached."""
    of, _, group = d["groupARN"].rpartition(":")[2].partition("/")
    detail = {"region": backend.region_name, "application": of, "deploymentId": d["id"], "state": _STATES[status],
              "deploymentGroup": group, "instanceGroupId": d["groupId"]}
    resources = [codedeploy_api.arn(backend, f"application:{of}"), d["groupARN"]]
    kind = "CodeDeploy Deployment State-change Notification"
    events.emit(backend.account_id, backend.region_name, "aws.codedeploy", kind, resources, detail)


def _rollback(d, name):
    return {
        **d,
        "id": name,
        "created": codedeploy_api.now(),
        "current": d["target"],
        "target": d["current"],
        "hooks": {},
        "routing": {"type": "AllAtOnce"},
        "alarms": [],
        "rollbackOn": [],
        "rollbackOf": d["id"],
        "stop": None,
        "results": {},
        "progress": dict(_CREATED),
        "info": {
            **d["info"],
            "creator": "codeDeployRollback",
            "revision": codedeploy_appspec.write(d["function"], d["alias"], d["target"], d["current"]),
        },
    }


def apply():
    codedeploy_api.keep_state()
