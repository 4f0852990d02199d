"""Shared by the CodeDeploy patches: state, handlers, lookups and errors. moto has handlers for half of the operations
that a stack needs, and none of what its deployments become."""

import functools
import json
import re
import threading
import time

from moto.codedeploy.exceptions import CodeDeployException
from moto.codedeploy.models import CodeDeployBackend
from moto.codedeploy.responses import CodeDeployResponse

# One request at a time, those of the runner about its deployments included.
lock = threading.RLock()


def operation(function):
    """Makes a function of (backend, parameters) the handler of the CodeDeploy operation with its name."""

    @functools.wraps(function)
    def handle(self):
        with lock:
            found = function(self.codedeploy_backend, json.loads(self.body or "{}"))
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(found)

    setattr(CodeDeployResponse, function.__name__, handle)
    return function


def keep_state():
    """Applications, groups and configurations are what was asked for, by name; groups by (application, group)."""
    init = CodeDeployBackend.__init__

    def create(self, region_name, account_id):
        init(self, region_name, account_id)
        self.applications, self.deployment_groups, self.configs, self.deployments = {}, {}, {}, {}
        self.tags = {}  # by ARN

    CodeDeployBackend.__init__ = create


def error(name, message):
    """An error of CodeDeploy's; name is without its ending Exception."""
    return CodeDeployException(name + "Exception", message)


# Source: "CodeDeploy quotas", CodeDeploy User Guide: characters allowed in names, at most 100.
_NAME = re.compile(r"^[A-Za-z0-9._+=,@-]{1,100}$")


def named(p, parameter, kind):
    """A parameter that is a name. kind is that of the error: Application, DeploymentGroup or DeploymentConfig."""
    name = p.get(parameter)
    if not name:
        raise error(f"{kind}NameRequired", f"{parameter} is missing")
    if not _NAME.match(name):
        raise error(f"Invalid{kind}Name", f"{parameter} {name!r}: want 1 to 100 letters, digits and ._+=,@-")
    return name


def application(backend, p):
    name = named(p, "applicationName", "Application")
    if name not in backend.applications:
        raise error("ApplicationDoesNotExist", f"No application found for name: {name}")
    return backend.applications[name]


def group(backend, p, parameter="deploymentGroupName"):
    of = application(backend, p)["applicationName"]
    name = named(p, parameter, "DeploymentGroup")
    if (of, name) not in backend.deployment_groups:
        raise error("DeploymentGroupDoesNotExist", f"No Deployment Group found for name: {name}")
    return backend.deployment_groups[of, name]


def arn(backend, resource):
    return f"arn:aws:codedeploy:{backend.region_name}:{backend.account_id}:{resource}"


def group_arn(backend, found):
    return arn(backend, f"deploymentgroup:{found['applicationName']}/{found['deploymentGroupName']}")


def now():
    """Seconds since 1970: how CodeDeploy's protocol writes times."""
    return round(time.time(), 3)


def tag(backend, resource_arn, tags):
    backend.tags.setdefault(resource_arn, {}).update({one["Key"]: one.get("Value", "") for one in tags or []})


def move_tags(backend, old, new):
    tags = backend.tags.pop(arn(backend, old), {})
    backend.tags.setdefault(arn(backend, new), {}).update(tags)


def forget_group(backend, of, name):
    backend.deployment_groups.pop((of, name), None)
    backend.tags.pop(arn(backend, f"deploymentgroup:{of}/{name}"), None)
