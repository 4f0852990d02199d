"""Managed node groups: each has an Auto Scaling group of real instances, which moto only names."""

import copy

import moto.eks.models as models
from moto.autoscaling.models import autoscaling_backends
from moto.core.types import Base64EncodedString
from moto.ec2.models import ec2_backends

from . import eks_access, eks_api, images
from .eks_api import operation

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}

_USER_DATA = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: {name}
    apiServerEndpoint: {endpoint}
    certificateAuthority: {authority}
    cidr: {cidr}
  kubelet:
    flags:
      - "--node-labels={labels}"
      - "--register-with-taints={taints}"

--//--
"""


def _user_data(cluster, group):
    """The user data that EKS gives to a group's instances: the address of the cluster and the node's labels."""
    labels = {"eks.amazonaws.com/nodegroup": group.nodegroup_name, "eks.amazonaws.com/capacityType": group.capacity_type, **group.labels}
    taints = [f"{t['key']}={t.get('value', '')}:{_EFFECTS[t['effect']]}" for t in group.taints]
    text = _USER_DATA.format(
        name=cluster.name,
        endpoint=cluster.endpoint,
        authority=cluster.certificate_authority["data"],
        cidr=cluster.kubernetes_network_config["serviceIpv4Cidr"],
        labels=",".join(f"{key}={value}" for key, value in labels.items()),
        taints=",".join(taints),
    )
    return Base64EncodedString.from_raw_string(text)


def _template_data(ec2, cluster, group):
    """The program's launch template, completed with EKS's defaults for what the program does not set."""
    own = {}
    if group.launch_template:
        made = ec2.get_launch_template(group.launch_template["id"])
        group.launch_template.setdefault("version", str(made.default_version_number))
        own = copy.deepcopy(made.get_version(group.launch_template["version"]).data)
    minor = ".".join(group.version.split(".")[:2])
    decided = {"ImageId": images.of_type(minor, group.ami_type), "UserData": _user_data(cluster, group)}
    if not own.get("NetworkInterfaces"):
        decided["SecurityGroupIds"] = [cluster.resources_vpc_config["clusterSecurityGroupId"]]
    return decided | {name: value for name, value in own.items() if value}


def _group_tags(cluster, group):
    owned = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": group.nodegroup_name, f"kubernetes.io/cluster/{cluster.name}": "owned"}
    found = {"k8s.io/cluster-autoscaler/enabled": "true", f"k8s.io/cluster-autoscaler/{cluster.name}": "owned"}
    return [{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in {**owned, **found}.items()]


def _policy(group, template):
    above = 0 if group.capacity_type == "SPOT" else 100
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": template.id, "Version": str(template.latest_version_number)},
            "Overrides": [{"InstanceType": name} for name in group.instance_types],
        },
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": above,
            "SpotAllocationStrategy": "price-capacity-optimized",
        },
    }


def _sizes(scaling):
    return {"min_size": scaling["minSize"], "max_size": scaling["maxSize"], "desired_capacity": scaling["desiredSize"]}


def _start(backend, cluster, group):
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    template = ec2.create_launch_template(f"eks-{group.uuid}", "", _template_data(ec2, cluster, group), {})
    group.own_template = template.id
    name = f"eks-{group.nodegroup_name}-{group.uuid}"
    group.resources = {"autoScalingGroups": [{"name": name}]}
    autoscaling_backends[backend.account_id][backend.region_name].create_auto_scaling_group(
        name=name,
        **_sizes(group.own_scaling_config),
        availability_zones=[],
        vpc_zone_identifier=",".join(group.subnets),
        launch_config_name=None,
        launch_template={},
        mixed_instances_policy=_policy(group, template),
        capacity_rebalance=group.capacity_type == "SPOT",
        default_cooldown=None,
        health_check_period=15,
        health_check_type="EC2",
        load_balancers=[],
        target_group_arns=[],
        placement_group=None,
        termination_policies=["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
        tags=_group_tags(cluster, group),
    )


def _scaling_group(backend, group):
    scaling = autoscaling_backends[backend.account_id][backend.region_name]
    return scaling, scaling.autoscaling_groups.get(group.resources["autoScalingGroups"][0]["name"])


def sizes_are_those_of_the_scaling_group():
    """A scaler or a schedule changes the Auto Scaling group: the node group shows its current size."""

    def get(self):
        scaling = autoscaling_backends[self.account][self.region]
        group = scaling.autoscaling_groups.get(self.resources["autoScalingGroups"][0]["name"])
        if group is None:
            return self.own_scaling_config
        return {"minSize": group.min_size, "maxSize": group.max_size, "desiredSize": group.desired_capacity}

    def keep(self, value):
        self.own_scaling_config = value

    models.Nodegroup.scaling_config = property(get, keep)


@operation
def create_nodegroup(backend, p):
    cluster = eks_api.cluster_of(backend, p)
    kept = {"nodeRole": "node_role", "scalingConfig": "scaling_config", "diskSize": "disk_size", "instanceTypes": "instance_types"}
    kept |= {"amiType": "ami_type", "remoteAccess": "remote_access", "launchTemplate": "launch_template", "capacityType": "capacity_type"}
    kept |= {"releaseVersion": "release_version", "subnets": "subnets", "labels": "labels", "taints": "taints", "tags": "tags"}
    given = {ours: p[theirs] for theirs, ours in kept.items() if p.get(theirs)}
    version = p.get("version") or cluster.version
    group = backend.create_nodegroup(cluster_name=cluster.name, nodegroup_name=p["nodegroupName"], version=version, **given)
    group.account = backend.account_id
    group.release_version = p.get("releaseVersion") or f"{version}.0-20261101"
    group.remote_access = p.get("remoteAccess")
    if group.launch_template and not p.get("diskSize"):
        group.disk_size = None  # it is the template's
    group.update_config = p.get("updateConfig") or {"maxUnavailable": 1}
    group.node_repair_config = p.get("nodeRepairConfig")
    eks_access.admit_nodes(backend, cluster, group.node_role)
    try:
        _start(backend, cluster, group)
    except Exception:
        backend.delete_nodegroup(cluster.name, group.nodegroup_name)
        raise
    return {"nodegroup": group}


@operation
def update_nodegroup_config(backend, p):
    cluster, group = eks_api.cluster_of(backend, p), backend.describe_nodegroup(p["name"], p["nodegroupName"])
    given = {"labels": p.get("labels"), "taints": p.get("taints"), "update_config": p.get("updateConfig")}
    backend.update_nodegroup_config(p["name"], p["nodegroupName"], **given)
    if "scalingConfig" in p:
        _, scaling_group = _scaling_group(backend, group)
        wanted = group.scaling_config | p["scalingConfig"]
        scaling_group.min_size, scaling_group.max_size = wanted["minSize"], wanted["maxSize"]
        scaling_group.set_desired_capacity(wanted["desiredSize"])
    return eks_api.record_update(cluster, "ConfigUpdate", {k: p[k] for k in ("labels", "taints", "scalingConfig", "updateConfig") if k in p})


@operation
def update_nodegroup_version(backend, p):
    """The group's next instances start from the new template; EKS replaces the others too, a few at a time."""
    cluster, group = eks_api.cluster_of(backend, p), backend.describe_nodegroup(p["name"], p["nodegroupName"])
    if p.get("version"):
        group.version, group.release_version = p["version"], f"{p['version']}.0-20261101"
    group.release_version = p.get("releaseVersion") or group.release_version
    if p.get("launchTemplate"):
        group.launch_template |= p["launchTemplate"]
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    template = ec2.get_launch_template(group.own_template)
    template.create_version(_template_data(ec2, cluster, group), "")
    _, scaling_group = _scaling_group(backend, group)
    old = [state.instance.id for state in scaling_group.instance_states]
    scaling_group.mixed_instances_policy = _policy(group, template)
    scaling_group._set_launch_configuration(None, {}, scaling_group.mixed_instances_policy)
    scaling_group.replace_all(old)
    return eks_api.record_update(cluster, "VersionUpdate", {"Version": group.version, "ReleaseVersion": group.release_version})


@operation
def delete_nodegroup(backend, p):
    group = backend.delete_nodegroup(p["name"], p["nodegroupName"])
    scaling, scaling_group = _scaling_group(backend, group)
    if scaling_group is not None:
        scaling.delete_auto_scaling_group(scaling_group.name, force=True)
    ec2_backends[backend.account_id][backend.region_name].delete_launch_template(None, group.own_template)
    group.status = "DELETING"
    return {"nodegroup": group}


def apply():
    sizes_are_those_of_the_scaling_group()
