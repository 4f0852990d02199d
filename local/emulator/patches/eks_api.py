"""Shared by the EKS patches: handlers, lookups and errors. moto has handlers for only some operations, and omits most
of a cluster's properties from its responses."""

import json
from urllib.parse import parse_qs, unquote

import moto.eks.exceptions as exceptions
import moto.eks.urls as urls
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.models import EKSBackend
from moto.eks.responses import EKSResponse
from moto.moto_api._internal import mock_random as random


def _parameters(handler):
    """An operation's parameters from the query, the body and the path. An ARN in the path has encoded slashes."""
    handler._get_action()  # matches the path
    query = {name: values if name.endswith("Keys") else values[0] for name, values in parse_qs(handler.parsed_url.query).items()}
    body = json.loads(handler.body) if handler.body else {}
    path = {name: unquote(value) for name, value in handler.uri_match.groupdict().items()}
    return {**query, **body, **path}


def operation(function):
    """Makes a function of (backend, parameters) the handler of the EKS operation with its name."""

    def handle(self):
        return ActionResult(function(self.eks_backend, _parameters(self)))

    setattr(EKSResponse, function.__name__, handle)
    return function


def route():
    """moto returns 404 for all paths without a handler. The operation follows from the path itself."""
    for path in ("clusters/(?P<name>[^/]+)/(?P<rest>.+)$", "addons/supported-versions$"):
        urls.url_paths["{0}/" + path] = urls.response.dispatch


def not_found(message):
    return exceptions.ResourceNotFoundException(message=message)


def in_use(message):
    return exceptions.ResourceInUseException(message=message)


def invalid(message):
    return exceptions.InvalidParameterException(message=message)


def cluster_of(backend: EKSBackend, parameters):
    return backend.describe_cluster(parameters["name"])


def stamp():
    """The timestamps of something created now."""
    now = utcnow()
    return {"createdAt": now, "modifiedAt": now}


def change(resource, parameters, names):
    """Sets the parameters that are given."""
    resource |= {name: parameters[name] for name in names if name in parameters}
    resource["modifiedAt"] = utcnow()


def arn(backend, kind, *rest):
    return f"arn:aws:eks:{backend.region_name}:{backend.account_id}:{kind}/" + "/".join(rest)


def record_update(cluster, kind, parameters):
    """EKS returns an update for each change, which clients poll until it succeeds: here it has already succeeded."""
    update = {
        "id": str(random.uuid4()),
        "status": "Successful",
        "type": kind,
        "params": [{"type": name, "value": json.dumps(value)} for name, value in parameters.items()],
        "createdAt": utcnow(),
        "errors": [],
    }
    cluster.updates[update["id"]] = update
    return {"update": update}
