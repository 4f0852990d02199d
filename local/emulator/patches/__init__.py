"""Patches for moto 5.2.1, one module per service. Each function's docstring gives the reason for its patch."""

from . import (
    autoscaling, backup, cloudwatch, codedeploy_deployments, core, dynamodb, ec2, eks, elbv2, events, functions, images,
    kinesis, kinesis_records, kms, quotas, s3, sqs, stepfunctions, stepfunctions_limits,
)


def apply(endpoint, region, history_events):
    """Applies all patches. Call once, before the first request."""
    core.apply()
    sqs.apply()
    s3.apply()
    functions.apply(endpoint)
    events.apply()
    dynamodb.apply()
    kinesis.apply()
    kinesis_records.apply()
    kms.apply()
    cloudwatch.apply()
    stepfunctions.apply(endpoint, region)
    stepfunctions_limits.apply(history_events)
    images.apply()
    ec2.apply()
    quotas.apply()
    autoscaling.apply()
    elbv2.apply()
    eks.apply()
    codedeploy_deployments.apply()
    backup.apply()
