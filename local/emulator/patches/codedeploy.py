"""CodeDeploy's applications and deployment configurations, for functions alone, and tags."""

import uuid

from . import codedeploy_api
from .codedeploy_api import error, operation

# Source: "Working with deployment configurations in CodeDeploy", CodeDeploy User Guide.
PREDEFINED = "CodeDeployDefault."
_ALL_AT_ONCE = {"type": "AllAtOnce"}
# The longest time between the first and the last shift, in minutes, and the percentages: "TimeBasedCanary" and
# "TimeBasedLinear", CloudFormation and API reference, with the 48 hours of "CodeDeploy quotas".
_MOST_MINUTES = 48 * 60
# Source: "CodeDeploy quotas".
_MOST_CONFIGS = 50


def _canary(percent, minutes):
    return {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": percent, "canaryInterval": minutes}}


def _linear(percent, minutes):
    return {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": percent, "linearInterval": minutes}}


def _predefined():
    """The configurations that every account has for functions."""
    routings = {"LambdaAllAtOnce": _ALL_AT_ONCE}
    routings |= {f"LambdaCanary10Percent{m}Minutes": _canary(10, m) for m in (5, 10, 15, 30)}
    routings |= {f"LambdaLinear10PercentEvery{m}Minute{'s' * (m > 1)}": _linear(10, m) for m in (1, 2, 3, 10)}
    return {PREDEFINED + name: _config(PREDEFINED + name, routing) for name, routing in routings.items()}


def _config(name, routing):
    return {
        "deploymentConfigId": str(uuid.uuid4()),
        "deploymentConfigName": name,
        "createTime": codedeploy_api.now(),
        "computePlatform": "Lambda",
        "trafficRoutingConfig": routing,
    }


_DEFAULTS = _predefined()


def config(backend, name):
    """A deployment configuration by its name."""
    found = _DEFAULTS.get(name) or backend.configs.get(name)
    if found is None:
        raise error("DeploymentConfigDoesNotExist", f"No Deployment Configuration found for name: {name}")
    return found


def _platform(p):
    if p.get("computePlatform") != "Lambda":
        raise error("InvalidComputePlatform", f"the emulator deploys to Lambda alone, not to {p.get('computePlatform')}")


@operation
def create_application(backend, p):
    name = codedeploy_api.named(p, "applicationName", "Application")
    _platform(p)
    if name in backend.applications:
        raise error("ApplicationAlreadyExists", f"Application already exists: {name}")
    made = {
        "applicationId": str(uuid.uuid4()),
        "applicationName": name,
        "createTime": codedeploy_api.now(),
        "linkedToGitHub": False,
        "computePlatform": p["computePlatform"],
    }
    backend.applications[name] = made
    codedeploy_api.tag(backend, codedeploy_api.arn(backend, f"application:{name}"), p.get("tags"))
    return {"applicationId": made["applicationId"]}


@operation
def get_application(backend, p):
    return {"application": codedeploy_api.application(backend, p)}


@operation
def batch_get_applications(backend, p):
    return {"applicationsInfo": [codedeploy_api.application(backend, {"applicationName": n}) for n in p["applicationNames"]]}


@operation
def list_applications(backend, p):
    return {"applications": list(backend.applications)}


@operation
def update_application(backend, p):
    found = codedeploy_api.application(backend, p)
    new = codedeploy_api.named(p, "newApplicationName", "Application")
    if new in backend.applications:
        raise error("ApplicationAlreadyExists", f"Application already exists: {new}")
    old = found["applicationName"]
    found["applicationName"] = new
    backend.applications[new] = backend.applications.pop(old)
    codedeploy_api.move_tags(backend, f"application:{old}", f"application:{new}")
    for key in [key for key in backend.deployment_groups if key[0] == old]:
        moved = backend.deployment_groups.pop(key)
        moved["applicationName"] = new
        backend.deployment_groups[new, key[1]] = moved
        codedeploy_api.move_tags(backend, f"deploymentgroup:{old}/{key[1]}", f"deploymentgroup:{new}/{key[1]}")
    return {}


@operation
def delete_application(backend, p):
    """Deletes an application and its groups. As on AWS, one that does not exist is no error."""
    name = codedeploy_api.named(p, "applicationName", "Application")
    backend.applications.pop(name, None)
    backend.tags.pop(codedeploy_api.arn(backend, f"application:{name}"), None)
    for key in [key for key in backend.deployment_groups if key[0] == name]:
        codedeploy_api.forget_group(backend, *key)
    return {}


@operation
def create_deployment_config(backend, p):
    name = codedeploy_api.named(p, "deploymentConfigName", "DeploymentConfig")
    _platform(p)
    if name.startswith(PREDEFINED):
        raise error("InvalidDeploymentConfigName", f"names that begin with {PREDEFINED} are CodeDeploy's: {name}")
    if name in backend.configs:
        raise error("DeploymentConfigAlreadyExists", f"Deployment Configuration already exists: {name}")
    if len(backend.configs) >= _MOST_CONFIGS:
        raise error("DeploymentConfigLimitExceeded", f"an account has at most {_MOST_CONFIGS} custom configurations")
    made = backend.configs[name] = _config(name, _routing(p.get("trafficRoutingConfig") or _ALL_AT_ONCE))
    return {"deploymentConfigId": made["deploymentConfigId"]}


def _routing(given):
    kind = given.get("type")
    if kind == "AllAtOnce":
        return _ALL_AT_ONCE
    try:
        if kind == "TimeBasedCanary":
            parts = given["timeBasedCanary"]
            percent, minutes, waits = parts["canaryPercentage"], parts["canaryInterval"], 1
        else:
            parts = given["timeBasedLinear"]
            percent, minutes = parts["linearPercentage"], parts["linearInterval"]
            waits = -(-100 // percent) - 1 if percent > 0 else 0
    except KeyError as missing:
        raise error("InvalidTrafficRoutingConfiguration", f"{kind}: {missing.args[0]} is missing") from None
    if not 1 <= percent <= 99:
        raise error("InvalidTrafficRoutingConfiguration", f"{kind}: {percent} percent, want 1 to 99")
    if minutes < 1 or waits * minutes > _MOST_MINUTES:
        took = f"{waits} waits of {minutes} minutes"
        raise error("InvalidTrafficRoutingConfiguration", f"{kind}: {took}, want at most {_MOST_MINUTES} minutes in all")
    return _canary(percent, minutes) if kind == "TimeBasedCanary" else _linear(percent, minutes)


@operation
def get_deployment_config(backend, p):
    return {"deploymentConfigInfo": config(backend, codedeploy_api.named(p, "deploymentConfigName", "DeploymentConfig"))}


@operation
def list_deployment_configs(backend, p):
    return {"deploymentConfigsList": [*_DEFAULTS, *backend.configs]}


@operation
def delete_deployment_config(backend, p):
    name = codedeploy_api.named(p, "deploymentConfigName", "DeploymentConfig")
    if name in _DEFAULTS:
        raise error("InvalidOperation", f"{name} is one of CodeDeploy's own")
    if any(group["deploymentConfigName"] == name for group in backend.deployment_groups.values()):
        raise error("DeploymentConfigInUse", f"Deployment Configuration is in use: {name}")
    backend.configs.pop(name, None)
    return {}


def _tagged(backend, p):
    tags = backend.tags.get(p.get("ResourceArn"))
    if tags is None:
        raise error("ApplicationDoesNotExist", f"nothing that can have tags has the ARN {p.get('ResourceArn')}")
    return tags


@operation
def list_tags_for_resource(backend, p):
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(backend, p).items()]}


@operation
def tag_resource(backend, p):
    _tagged(backend, p)
    codedeploy_api.tag(backend, p["ResourceArn"], p["Tags"])
    return {}


@operation
def untag_resource(backend, p):
    tags = _tagged(backend, p)
    for key in p["TagKeys"]:
        tags.pop(key, None)
    return {}
