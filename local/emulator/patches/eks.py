"""EKS clusters: complete responses, updates, and an endpoint that leads to a real control plane."""

import moto.eks.models as models
from moto.autoscaling.responses import AutoScalingResponse
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.eks.responses import EKSResponse
from moto.sts.models import sts_backends

from . import core, eks_access, eks_addons, eks_api, eks_nodes
from .eks_api import operation

DEFAULT_VERSION = "1.34"

# The address of all clusters, set by PUT /_local/eks: endpoint and certificateAuthority (base64 of PEM).
location = {}


def locate():
    """moto makes up an endpoint, and a certificate authority that is not base64."""

    def located(name, key, wrap):
        def get(self):
            return wrap(location[key]) if location.get(key) else self.__dict__[name]

        def keep(self, value):
            self.__dict__[name] = value

        setattr(models.Cluster, name, property(get, keep))

    located("endpoint", "endpoint", str)
    located("certificate_authority", "certificateAuthority", lambda data: {"data": data})


def _network(backend, cluster, given):
    """The cluster's own security group, which EKS creates and deletes, and what EKS adds to the network settings."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    vpc = ec2.get_subnet(given["subnetIds"][0]).vpc_id
    tags = {"aws:eks:cluster-name": cluster.name, f"kubernetes.io/cluster/{cluster.name}": "owned", "Name": f"eks-cluster-sg-{cluster.name}"}
    group = ec2.create_security_group(
        f"eks-cluster-sg-{cluster.name}", "EKS created security group applied to ENI that is attached to EKS Control Plane", vpc, tags
    )
    return {
        "securityGroupIds": [],
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"] if given.get("endpointPublicAccess", True) else [],
        **given,
        "vpcId": vpc,
        "clusterSecurityGroupId": group.id,
    }


@operation
def create_cluster(backend, p):
    """moto stores less than the provider reads back, and never returns a cluster's VPC."""
    kept = {"roleArn": "role_arn", "resourcesVpcConfig": "resources_vpc_config", "version": "version", "logging": "logging"}
    kept |= {"tags": "tags", "encryptionConfig": "encryption_config", "remoteNetworkConfig": "remote_network_config"}
    cluster = backend.create_cluster(name=p["name"], **{ours: p[theirs] for theirs, ours in kept.items() if theirs in p})
    cluster.version = p.get("version") or DEFAULT_VERSION
    cluster.platformVersion = "eks.1"
    cluster.resources_vpc_config = _network(backend, cluster, p["resourcesVpcConfig"])
    network = {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4", "elasticLoadBalancing": {"enabled": False}}
    cluster.kubernetes_network_config = network | p.get("kubernetesNetworkConfig", {})
    access = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
    cluster.access_config = access | p.get("accessConfig", {})
    cluster.upgrade_policy = p.get("upgradePolicy") or {"supportType": "EXTENDED"}
    cluster.health = {"issues": []}
    cluster.deletion_protection = p.get("deletionProtection", False)
    cluster.updates, cluster.access_entries, cluster.addons, cluster.pod_identities = {}, {}, {}, {}
    if eks_access.has_entries(cluster) and cluster.access_config["bootstrapClusterCreatorAdminPermissions"]:
        eks_access.admit_creator(backend, cluster, sts_backends[backend.account_id]["aws"])
    return {"cluster": cluster}


@operation
def delete_cluster(backend, p):
    cluster = backend.delete_cluster(p["name"])
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    ec2.delete_security_group(group_id=cluster.resources_vpc_config["clusterSecurityGroupId"])
    return {"cluster": cluster}


@operation
def update_cluster_config(backend, p):
    """moto replaces the settings that it knows with the changed part, and returns the cluster: the provider then
    requests an update without an id, and panics."""
    cluster = eks_api.cluster_of(backend, p)
    kinds = {
        "resourcesVpcConfig": ("resources_vpc_config", "EndpointAccessUpdate"),
        "accessConfig": ("access_config", "AccessConfigUpdate"),
        "upgradePolicy": ("upgrade_policy", "UpgradePolicyUpdate"),
        "kubernetesNetworkConfig": ("kubernetes_network_config", "AutoModeUpdate"),
        "logging": ("logging", "LoggingUpdate"),
    }
    kind = "ConfigUpdate"
    for parameter, (attribute, name) in kinds.items():
        if parameter in p:
            kind = name
            setattr(cluster, attribute, getattr(cluster, attribute) | p[parameter])
    return eks_api.record_update(cluster, kind, {name: p[name] for name in kinds if name in p})


@operation
def update_cluster_version(backend, p):
    cluster = eks_api.cluster_of(backend, p)
    now, wanted = (int(version.split(".")[1]) for version in (cluster.version, p["version"]))
    if wanted not in (now, now + 1):
        raise eks_api.invalid(f"Unsupported Kubernetes minor version update from {cluster.version} to {p['version']}")
    cluster.version = p["version"]
    return eks_api.record_update(cluster, "VersionUpdate", {"Version": p["version"]})


@operation
def describe_update(backend, p):
    update = eks_api.cluster_of(backend, p).updates.get(p["updateId"])
    if update is None:
        raise eks_api.not_found(f"No update found for ID: {p['updateId']}")
    return {"update": update}


def _tags(backend, arn):
    """The tags of the resource with this ARN; moto finds only clusters."""
    for cluster in backend.clusters.values():
        if cluster.arn == arn:
            return cluster.tags
        for group in cluster.nodegroups.values():
            if group.arn == arn:
                return group.tags
        parts = [(cluster.access_entries, "accessEntryArn"), (cluster.addons, "addonArn"), (cluster.pod_identities, "associationArn")]
        for resources, key in parts:
            for resource in resources.values():
                if resource[key] == arn:
                    return resource["tags"]
    raise eks_api.not_found(f"Resource was not found: {arn}")


@operation
def list_tags_for_resource(backend, p):
    return {"tags": _tags(backend, p["resourceArn"])}


@operation
def tag_resource(backend, p):
    _tags(backend, p["resourceArn"]).update(p["tags"])
    return {}


@operation
def untag_resource(backend, p):
    tags = _tags(backend, p["resourceArn"])
    for key in p["tagKeys"]:
        tags.pop(key, None)
    return {}


def apply():
    # A node group is an Auto Scaling group, which has instances: one request at a time for all three.
    core.serialize(EKSResponse, AutoScalingResponse, EC2Response)
    eks_api.route()
    locate()
    eks_nodes.apply()
