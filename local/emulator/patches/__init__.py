"""Corrections to moto 5.2.1, one module a service. Each function carries the reason for its patch."""

from . import core, dynamodb, events, functions, kinesis, s3, sqs, stepfunctions


def apply(endpoint, region):
    """Applies all patches. Call once, before the first request."""
    core.apply()
    sqs.apply()
    s3.apply()
    functions.apply(endpoint)
    events.apply()
    dynamodb.apply()
    kinesis.apply()
    stepfunctions.apply(endpoint, region)
