"""Auto Scaling groups: instances in all zones and of all types, always as many as desired."""

import collections
import math

import moto.autoscaling.models as models
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult
from moto.elbv2.models import elbv2_backends

from . import images

Group, Backend = models.FakeAutoScalingGroup, models.AutoScalingBackend


def _pools(group):
    """The capacity pools of a group: (subnet, instance type)."""
    subnets = group.vpc_zone_identifier.split(",") if group.vpc_zone_identifier else [None]
    template = (group.mixed_instances_policy or {}).get("LaunchTemplate", {})
    types = [override["InstanceType"] for override in template.get("Overrides", [])] or [group.instance_type]
    return [(subnet, name) for name in types for subnet in subnets]


def _next_pool(group):
    """The emptiest zone, and its emptiest pool: what balancing across zones amounts to while all have capacity."""
    instances = [state.instance for state in group.instance_states]
    by_subnet = collections.Counter(instance.subnet_id for instance in instances)
    by_pool = collections.Counter((instance.subnet_id, instance.instance_type) for instance in instances)
    return min(_pools(group), key=lambda pool: (by_subnet[pool[0]], by_pool[pool]))


def _is_spot(group):
    """Whether the next instance is one that can be interrupted, by the group's distribution."""
    if not group.mixed_instances_policy:
        return False
    distribution = group.mixed_instances_policy.get("InstancesDistribution", {})
    base = int(distribution.get("OnDemandBaseCapacity", 0))
    share = int(distribution.get("OnDemandPercentageAboveBaseCapacity", 100))
    on_demand = sum(1 for state in group.instance_states if state.instance.lifecycle != "spot")
    after = len(group.instance_states) + 1
    return on_demand >= base + math.ceil(max(after - base, 0) * share / 100)


def _launch(group):
    ec2, version = group.ec2_backend, None
    subnet, instance_type = _next_pool(group)
    image, options = group.image_id, {}
    if group.ec2_launch_template:
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        options = {
            "launch_template": {"LaunchTemplateId": version.template.id, "Version": version.number},
            "block_device_mappings": version.data.get("BlockDeviceMappings") or [],
            "metadata_options": version.data.get("MetadataOptions") or {},
        }
    else:
        options = {"launch_config": group.launch_config, "associate_public_ip": group.launch_config.associate_public_ip_address}
    if _is_spot(group):
        options["instance_market_options"] = {"MarketType": "spot"}
    instance = ec2.run_instances(
        images.resolve(image, group.account_id, group.region),
        1,
        group.user_data,
        group.security_groups,
        instance_type=instance_type,
        is_instance_type_default=False,
        placement=group.availability_zones[0],
        subnet_id=subnet,
        tags={"instance": {**group.get_propagated_tags(), **group.instance_tags, models.ASG_NAME_TAG: group.name}},
        **options,
    ).instances[0]
    instance.architecture = images.architecture(instance.image_id) or instance.architecture
    for interface in instance.nics.values():
        interface.delete_on_termination = True  # EC2's default for the interface created with an instance
    profile = version and version.data.get("IamInstanceProfile")
    if profile:
        ec2.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))
    instance.autoscaling_group = group
    protected = group.new_instances_protected_from_scale_in
    group.instance_states.append(models.InstanceState(instance, protected_from_scale_in=protected))


def _surplus(group, count):
    """The instances that a scale-in terminates: unprotected ones, from the fullest zone first, the oldest first."""
    left = [state for state in group.instance_states if not state.protected_from_scale_in]
    going = []
    while left and len(going) < count:
        zones = collections.Counter(state.instance.placement for state in group.instance_states if state not in going)
        victim = max(left, key=lambda state: zones[state.instance.placement])
        left.remove(victim)
        going.append(victim)
    return going


def _end(group, states):
    if not states:
        return
    group.instance_states = [state for state in group.instance_states if state not in states]
    ids = [state.instance.id for state in states]
    group.ec2_backend.terminate_instances(ids)
    elbv2_backends[group.account_id][group.region].notify_terminate_instances(ids)  # moto only has those that EC2 is asked to end


def sizes_are_kept():
    """moto starts all instances in one subnet and of one type, leaves their network interfaces behind, miscounts mixed
    groups, and replaces more than was lost where instances are protected."""

    def set_desired_capacity(self, capacity):
        self.desired_capacity = self.min_size if capacity is None else capacity
        missing = self.desired_capacity - len(self.active_instances())
        for _ in range(missing):
            _launch(self)
        _end(self, _surplus(self, -missing))
        if self.name in self.autoscaling_backend.autoscaling_groups:
            self.autoscaling_backend.update_attached_elbs(self.name)
            self.autoscaling_backend.update_attached_target_groups(self.name)

    def replace_all(self, instance_ids):
        _end(self, [state for state in self.instance_states if state.instance.id in instance_ids])
        self.set_desired_capacity(self.desired_capacity)

    def notify_terminate_instances(self, instance_ids):
        for group in list(self.autoscaling_groups.values()):
            gone = [state for state in group.instance_states if state.instance.id in instance_ids]
            if gone:
                group.instance_states = [state for state in group.instance_states if state not in gone]
                group.set_desired_capacity(group.desired_capacity)

    Group.set_desired_capacity = set_desired_capacity
    Group.replace_all = replace_all
    Backend.notify_terminate_instances = notify_terminate_instances


def _group(backend, name):
    if name not in backend.autoscaling_groups:
        raise models.ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return backend.autoscaling_groups[name]


def _requested(policy):
    """The policy in the form of a request: moto returns the template's name and id, and rejects both together."""
    template = policy["LaunchTemplate"]
    specification = {key: value for key, value in template["LaunchTemplateSpecification"].items() if key != "LaunchTemplateName"}
    return policy | {"LaunchTemplate": template | {"LaunchTemplateSpecification": specification}}


def bounds_are_kept():
    """moto lets a group be smaller than its minimum and larger than its maximum, drops its instance types in any update
    that does not repeat them, and returns 500 where AWS returns a validation error."""

    update = Group.update

    def bounded_update(self, **changes):
        low = self.min_size if changes.get("min_size") is None else changes["min_size"]
        high = self.max_size if changes.get("max_size") is None else changes["max_size"]
        if low > high:
            raise models.ValidationError(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
        if changes.get("desired_capacity") is None:
            changes["desired_capacity"] = min(max(self.desired_capacity, low), high)
        elif not low <= changes["desired_capacity"] <= high:
            raise models.ValidationError(f"Desired capacity:{changes['desired_capacity']} must be between min size:{low} and max size:{high}")
        if not changes.get("launch_template") and not changes.get("launch_config_name") and self.mixed_instances_policy:
            changes["mixed_instances_policy"] = changes.get("mixed_instances_policy") or _requested(self.mixed_instances_policy)
        update(self, **changes)

    def set_desired_capacity(self, group_name, desired_capacity):
        group = _group(self, group_name)
        if desired_capacity > group.max_size:
            raise models.ValidationError(f"New SetDesiredCapacity value {desired_capacity} is above max value {group.max_size} for the AutoScalingGroup.")
        if desired_capacity < group.min_size:
            raise models.ValidationError(f"New SetDesiredCapacity value {desired_capacity} is below min value {group.min_size} for the AutoScalingGroup.")
        group.set_desired_capacity(desired_capacity)

    def delete_auto_scaling_group(self, group_name, force=False):
        group = _group(self, group_name)
        if group.instance_states and not force:
            raise models.AutoscalingClientError("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
        _end(group, group.instance_states)
        del self.autoscaling_groups[group_name]
        of_group = lambda kept: {key: one for key, one in kept.items() if one.auto_scaling_group_name != group_name}
        self.lifecycle_hooks, self.scheduled_actions = of_group(self.lifecycle_hooks), of_group(self.scheduled_actions)

    def delete_with_force(self):
        force = self._get_bool_param("ForceDelete", False)
        self.autoscaling_backend.delete_auto_scaling_group(self._get_param("AutoScalingGroupName"), force)
        return EmptyResult()

    Group.update = bounded_update
    Backend.set_desired_capacity = set_desired_capacity
    Backend.delete_auto_scaling_group = delete_auto_scaling_group
    AutoScalingResponse.delete_auto_scaling_group = delete_with_force


def terminations():
    """moto returns 500 for an instance in no group, lets a group fall below its minimum, and removes the group's tag from
    an instance that it terminates."""

    def terminate_instance(self, instance_id, should_decrement):
        states = [state for group in self.autoscaling_groups.values() for state in group.instance_states if state.instance.id == instance_id]
        if not states:
            raise models.ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
        group = states[0].instance.autoscaling_group
        before = group.desired_capacity
        if should_decrement and before <= group.min_size:
            raise models.ValidationError(
                f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without replacement will violate group's min size constraint."
            )
        _end(group, states)
        group.set_desired_capacity(before - 1 if should_decrement else before)
        return models.TerminateInstanceActivity(states[0].instance, before)

    Backend.terminate_instance = terminate_instance


def hooks_read_back():
    """moto returns a made-up role and queue for every hook."""

    def put_lifecycle_hook(self):
        backend, name = self.autoscaling_backend, self._get_param("AutoScalingGroupName")
        _group(backend, name)
        hook = backend.create_lifecycle_hook(
            name=self._get_param("LifecycleHookName"),
            as_name=name,
            transition=self._get_param("LifecycleTransition"),
            timeout=self._get_int_param("HeartbeatTimeout"),
            result=self._get_param("DefaultResult"),
        )
        hook.role_arn = self._get_param("RoleARN")
        hook.notification_target_arn = self._get_param("NotificationTargetARN")
        hook.notification_metadata = self._get_param("NotificationMetadata")
        return EmptyResult()

    AutoScalingResponse.put_lifecycle_hook = put_lifecycle_hook


def schedules_belong_to_their_group():
    """moto stores the actions of all groups by name only: two groups with the same window share one."""

    put = Backend.put_scheduled_update_group_action

    def put_action(self, name, *args, **kwargs):
        _group(self, name)
        others = self.scheduled_actions
        self.scheduled_actions = {}
        action = put(self, name, *args, **kwargs)
        self.scheduled_actions = others | {(name, action.scheduled_action_name): action}
        identifier = f"{name}:scheduledActionName/{action.scheduled_action_name}"
        action.scheduled_action_arn = f"arn:aws:autoscaling:{self.region_name}:{self.account_id}:scheduledUpdateGroupAction:*:autoScalingGroupName/{identifier}"
        return action

    def delete_action(self, auto_scaling_group_name, scheduled_action_name):
        if self.scheduled_actions.pop((auto_scaling_group_name, scheduled_action_name), None) is None:
            raise models.ValidationError("Scheduled action name not found")

    Backend.put_scheduled_update_group_action = put_action
    Backend.delete_scheduled_action = delete_action


def apply():
    sizes_are_kept()
    bounds_are_kept()
    terminations()
    hooks_read_back()
    schedules_belong_to_their_group()
