"""EKS access entries: who may do what in a cluster. moto lacks them."""

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random as random

from . import eks_api
from .eks_api import operation

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_JOINS = ("EC2_LINUX", "EC2_WINDOWS")


def has_entries(cluster):
    return cluster.access_config["authenticationMode"] != "CONFIG_MAP"


def _username(principal, kind):
    """The principal's Kubernetes user name if the entry does not set one."""
    if kind in _JOINS:
        return "system:node:{{EC2PrivateDNSName}}"
    if ":role/" not in principal:
        return principal
    account, name = principal.split(":")[4], principal.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"


def admit(backend, cluster, principal, kind="STANDARD", username=None, groups=None, tags=None):
    """Creates an entry. Nodes get the group that lets them register."""
    what, name = principal.split(":", 5)[5].split("/", 1)
    entry = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": groups or (["system:nodes"] if kind in _JOINS else []),
        "accessEntryArn": eks_api.arn(backend, "access-entry", cluster.name, what, backend.account_id, name, str(random.uuid4())),
        "username": username or _username(principal, kind),
        "type": kind,
        "tags": tags or {},
        "policies": {},  # by ARN
        **eks_api.stamp(),
    }
    cluster.access_entries[principal] = entry
    return entry


def admit_creator(backend, cluster, sts):
    """The creator of a cluster becomes its administrator, unless disabled. In local mode no request is signed by an IAM
    principal: the creator is the caller identity that STS returns."""
    _, principal, _ = sts.get_caller_identity("local", backend.region_name)
    _grant(admit(backend, cluster, principal), ADMIN_POLICY, {"type": "cluster", "namespaces": []})


def admit_nodes(backend, cluster, role):
    """EKS creates the entry of a managed group's role, and keeps it when the group is deleted."""
    if has_entries(cluster) and role not in cluster.access_entries:
        admit(backend, cluster, role, "EC2_LINUX")


def _grant(entry, policy, scope):
    now = utcnow()
    made = entry["policies"].get(policy, {}).get("associatedAt", now)
    entry["policies"][policy] = {"policyArn": policy, "accessScope": scope, "associatedAt": made, "modifiedAt": now}
    return entry["policies"][policy]


def _entry(backend, p):
    cluster = eks_api.cluster_of(backend, p)
    entry = cluster.access_entries.get(p["principalArn"])
    if entry is None:
        raise eks_api.not_found(f"The specified principalArn could not be found: {p['principalArn']}")
    return cluster, entry


@operation
def create_access_entry(backend, p):
    cluster, principal = eks_api.cluster_of(backend, p), p["principalArn"]
    if not has_entries(cluster):
        raise eks_api.invalid("The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]")
    if not principal.startswith("arn:") or "/" not in principal:
        raise eks_api.invalid(f"The principalArn parameter format is not valid: {principal}")
    if principal in cluster.access_entries:
        raise eks_api.in_use("The specified access entry resource is already in use on this cluster.")
    kind = p.get("type") or "STANDARD"
    if kind in _JOINS and (p.get("kubernetesGroups") or p.get("username")):
        raise eks_api.invalid(f"The kubernetesGroups and username parameters are not allowed for type {kind}")
    return {"accessEntry": admit(backend, cluster, principal, kind, p.get("username"), p.get("kubernetesGroups"), p.get("tags"))}


@operation
def describe_access_entry(backend, p):
    return {"accessEntry": _entry(backend, p)[1]}


@operation
def list_access_entries(backend, p):
    entries = eks_api.cluster_of(backend, p).access_entries
    policy = p.get("associatedPolicyArn")
    return {"accessEntries": [arn for arn, entry in entries.items() if not policy or policy in entry["policies"]]}


@operation
def update_access_entry(backend, p):
    entry = _entry(backend, p)[1]
    eks_api.change(entry, p, ("kubernetesGroups", "username"))
    return {"accessEntry": entry}


@operation
def delete_access_entry(backend, p):
    cluster, _ = _entry(backend, p)
    del cluster.access_entries[p["principalArn"]]
    return {}


@operation
def associate_access_policy(backend, p):
    _, entry = _entry(backend, p)
    if not p["policyArn"].startswith("arn:aws:eks::aws:cluster-access-policy/"):
        raise eks_api.invalid(f"The policyArn parameter format is not valid: {p['policyArn']}")
    scope = {"namespaces": [], **p["accessScope"]}
    if (scope["type"] == "namespace") != bool(scope["namespaces"]):
        raise eks_api.invalid("The access scope needs namespaces if, and only if, its type is namespace")
    granted = _grant(entry, p["policyArn"], scope)
    return {"clusterName": p["name"], "principalArn": p["principalArn"], "associatedAccessPolicy": granted}


@operation
def list_associated_access_policies(backend, p):
    policies = list(_entry(backend, p)[1]["policies"].values())
    return {"clusterName": p["name"], "principalArn": p["principalArn"], "associatedAccessPolicies": policies}


@operation
def disassociate_access_policy(backend, p):
    policies = _entry(backend, p)[1]["policies"]
    if p["policyArn"] not in policies:
        raise eks_api.not_found(f"The specified policyArn is not associated: {p['policyArn']}")
    del policies[p["policyArn"]]
    return {}
