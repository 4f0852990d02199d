"""EKS add-ons and pod identity associations, which moto lacks."""

import re

from moto.moto_api._internal import mock_random as random

from . import eks_api
from .eks_api import operation

# A version of each add-on, which is the default for all Kubernetes minors here. Source: the add-ons' pages of the EKS
# guide, for 1.34.
_DEFAULTS = {
    "vpc-cni": "v1.20.4-eksbuild.1",
    "coredns": "v1.12.3-eksbuild.1",
    "kube-proxy": "v1.34.0-eksbuild.2",
    "eks-pod-identity-agent": "v1.3.8-eksbuild.2",
    "aws-ebs-csi-driver": "v1.50.1-eksbuild.1",
    "metrics-server": "v0.8.0-eksbuild.2",
}
_VERSION = re.compile(r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")


def _checked(name, version):
    """AWS knows each add-on's versions; here any version of the right form is accepted."""
    if name not in _DEFAULTS:
        raise eks_api.invalid(f"Addon {name} is not supported")
    if version and not _VERSION.match(version):
        raise eks_api.invalid(f"Addon version {version} specified is not supported")
    return version or _DEFAULTS[name]


def _addon(backend, p):
    cluster = eks_api.cluster_of(backend, p)
    addon = cluster.addons.get(p["addonName"])
    if addon is None:
        raise eks_api.not_found(f"No addon: {p['addonName']} found in cluster: {cluster.name}")
    return cluster, addon


@operation
def create_addon(backend, p):
    cluster, name = eks_api.cluster_of(backend, p), p["addonName"]
    version = _checked(name, p.get("addonVersion"))
    if name in cluster.addons:
        raise eks_api.in_use("Addon already exists.")
    addon = {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "addonVersion": version,
        "addonArn": eks_api.arn(backend, "addon", cluster.name, name, str(random.uuid4())),
        "health": {"issues": []},
        "tags": p.get("tags", {}),
        **eks_api.stamp(),
    }
    eks_api.change(addon, p, ("serviceAccountRoleArn", "configurationValues"))
    addon["podIdentityAssociations"] = _associate_all(backend, cluster, addon, p)
    cluster.addons[name] = addon
    return {"addon": addon}


@operation
def describe_addon(backend, p):
    return {"addon": _addon(backend, p)[1]}


@operation
def list_addons(backend, p):
    return {"addons": list(eks_api.cluster_of(backend, p).addons)}


@operation
def update_addon(backend, p):
    cluster, addon = _addon(backend, p)
    _checked(p["addonName"], p.get("addonVersion"))
    eks_api.change(addon, p, ("addonVersion", "serviceAccountRoleArn", "configurationValues"))
    if "podIdentityAssociations" in p:
        _release(cluster, addon)
        addon["podIdentityAssociations"] = _associate_all(backend, cluster, addon, p)
    return eks_api.record_update(cluster, "AddonUpdate", {"AddonVersion": addon["addonVersion"]})


@operation
def delete_addon(backend, p):
    cluster, addon = _addon(backend, p)
    _release(cluster, addon)
    del cluster.addons[p["addonName"]]
    return {"addon": {**addon, "status": "DELETING"}}


@operation
def describe_addon_versions(backend, p):
    cluster_version = p.get("kubernetesVersion", "1.34")
    compatible = {"clusterVersion": cluster_version, "platformVersions": ["*"], "defaultVersion": True}
    infos = []
    for name, version in _DEFAULTS.items():
        if p.get("addonName", name) == name:
            known = {"addonVersion": version, "architecture": ["amd64", "arm64"], "compatibilities": [compatible]}
            infos.append({"addonName": name, "owner": "aws", "publisher": "eks", "addonVersions": [known]})
    return {"addons": infos}


def _associate_all(backend, cluster, addon, p):
    wanted = p.get("podIdentityAssociations") or []
    made = [_associate(backend, cluster, {"namespace": "kube-system", **one}, addon["addonArn"]) for one in wanted]
    return [association["associationArn"] for association in made]


def _release(cluster, addon):
    kept = {key: one for key, one in cluster.pod_identities.items() if one.get("ownerArn") != addon["addonArn"]}
    cluster.pod_identities = kept


def _associate(backend, cluster, p, owner=None):
    account = (p["namespace"], p["serviceAccount"])
    if any((one["namespace"], one["serviceAccount"]) == account for one in cluster.pod_identities.values()):
        raise eks_api.in_use(f"Association already exists for service account {account[1]} in namespace {account[0]}")
    identifier = "a-" + random.get_random_string(17).lower()
    association = {
        "clusterName": cluster.name,
        "namespace": p["namespace"],
        "serviceAccount": p["serviceAccount"],
        "roleArn": p["roleArn"],
        "associationId": identifier,
        "associationArn": eks_api.arn(backend, "podidentityassociation", cluster.name, identifier),
        "disableSessionTags": p.get("disableSessionTags", False),
        "tags": p.get("tags", {}),
        **eks_api.stamp(),
    }
    if owner:
        association["ownerArn"] = owner
    eks_api.change(association, p, ("targetRoleArn",))
    cluster.pod_identities[identifier] = association
    return association


def _association(backend, p):
    cluster = eks_api.cluster_of(backend, p)
    association = cluster.pod_identities.get(p["associationId"])
    if association is None:
        raise eks_api.not_found(f"No pod identity association found for ID: {p['associationId']}")
    return cluster, association


@operation
def create_pod_identity_association(backend, p):
    return {"association": _associate(backend, eks_api.cluster_of(backend, p), p)}


@operation
def describe_pod_identity_association(backend, p):
    return {"association": _association(backend, p)[1]}


@operation
def list_pod_identity_associations(backend, p):
    wanted = {key: p[key] for key in ("namespace", "serviceAccount") if key in p}
    every = eks_api.cluster_of(backend, p).pod_identities.values()
    return {"associations": [one for one in every if wanted.items() <= one.items()]}


@operation
def update_pod_identity_association(backend, p):
    _, association = _association(backend, p)
    eks_api.change(association, p, ("roleArn", "targetRoleArn", "disableSessionTags"))
    return {"association": association}


@operation
def delete_pod_identity_association(backend, p):
    cluster, association = _association(backend, p)
    del cluster.pod_identities[p["associationId"]]
    return {"association": association}
