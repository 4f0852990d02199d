"""Which rights the calls of CodeDeploy need. Source: "CodeDeploy permissions reference", CodeDeploy User Guide."""

from moto.codedeploy.models import codedeploy_backends

# What concerns a deployment is authorized on its group.
_OF_GROUPS = {"CreateDeployment", "GetDeployment", "GetDeploymentGroup", "GetDeploymentTarget", "ListDeployments",
              "ListDeploymentTargets", "StopDeployment"}


def of(operation, p, arns):
    """The (action, resource, context) of a call; empty: unknown."""
    backend = codedeploy_backends[arns.account][arns.region]
    if operation == "PutLifecycleEventHookExecutionStatus":  # knows no resource (Service Authorization Reference)
        return [(f"codedeploy:{operation}", "*", {})]
    if operation not in _OF_GROUPS:
        return []
    if "deploymentId" in p:
        found = backend.deployments.get(p["deploymentId"])
        return [(f"codedeploy:{operation}", found["groupARN"], {})] if found else []
    application, name = p.get("applicationName", "*"), p.get("deploymentGroupName", "*")
    needs = [(f"codedeploy:{operation}", arns.of("codedeploy", f"deploymentgroup:{application}/{name}"), {})]
    if operation == "CreateDeployment":
        group = backend.deployment_groups.get((application, name), {})
        config = p.get("deploymentConfigName") or group.get("deploymentConfigName", "*")
        needs.append(("codedeploy:GetDeploymentConfig", arns.of("codedeploy", f"deploymentconfig:{config}"), {}))
        # The page asks for one or the other, and does not say when for which.
        for also in ("GetApplicationRevision", "RegisterApplicationRevision"):
            needs.append((f"codedeploy:{also}", arns.of("codedeploy", f"application:{application}"), {}))
    return needs
