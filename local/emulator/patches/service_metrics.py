"""Metrics of AWS's own services, of which moto has none: those of queues, executions and streams. The runner publishes
those of functions. Dimensions and meaning are those of "Available CloudWatch metrics for Amazon SQS" (SQS developer
guide) and "Monitoring Step Functions metrics using Amazon CloudWatch"; those of streams are in kinesis_metrics."""

import datetime
import sys
import threading
import time

from moto.cloudwatch.models import cloudwatch_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from . import kinesis_metrics

# How often they are looked at. AWS does it once a minute; here, what has not changed since is
# published as rarely, so that an idle stack does not fill its memory.
EVERY_SECONDS = 10
UNCHANGED_SECONDS = 60

ENDS = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}


def queue_metrics(queue, now):
    """The data points of a queue at a time, in seconds since 1970."""
    messages = list(queue._messages)
    oldest = min((m.sent_timestamp / 1000 for m in messages), default=now)
    dimensions = [{"Name": "QueueName", "Value": queue.name}]
    return [
        {"MetricName": "ApproximateNumberOfMessagesVisible", "Dimensions": dimensions, "Unit": "Count",
         "Value": sum(1 for m in messages if m.visible and not m.delayed)},
        {"MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": dimensions, "Unit": "Seconds",
         "Value": max(0, now - oldest)},
    ]


class Changes:
    """Lets data points of queues through that differ from the last one, and one a minute that does not."""

    def __init__(self):
        self._last = {}

    def of(self, points, now):
        told = []
        for point in points:
            key = (point["MetricName"], point["Dimensions"][0]["Value"])
            value, at = self._last.get(key, (None, 0))
            if value != point["Value"] or now - at >= UNCHANGED_SECONDS:
                self._last[key] = (point["Value"], now)
                told.append(point)
        return told


class Executions:
    """Counts each execution that ends without success once."""

    def __init__(self):
        self._counted = set()

    def metrics(self, machine):
        points = []
        for execution in list(machine.executions):
            metric = ENDS.get(getattr(execution.exec_status, "value", None))
            if metric is None or execution.exec_arn in self._counted:
                continue
            self._counted.add(execution.exec_arn)
            points.append({"MetricName": metric, "Unit": "Count", "Value": 1,
                           "Dimensions": [{"Name": "StateMachineArn", "Value": machine.arn}]})
        return points


def sample(account, region, executions, changes):
    """Puts the data points of this moment."""
    now = datetime.datetime.now(datetime.timezone.utc)
    found = {"AWS/SQS": [], "AWS/States": [], "AWS/Kinesis": []}
    for queue in list(sqs_backends[account][region].queues.values()):
        found["AWS/SQS"] += changes.of(queue_metrics(queue, now.timestamp()), now.timestamp())
    for machine in list(stepfunctions_parser_backends[account][region].state_machines):
        found["AWS/States"] += executions.metrics(machine)
    for stream in list(kinesis_backends[account][region].streams.values()):
        counts, ages = kinesis_metrics.take(stream)
        found["AWS/Kinesis"] += counts + changes.of(ages, now.timestamp())
    for namespace, points in found.items():
        if points:
            cloudwatch_backends[account][region].put_metric_data(
                namespace, [{**point, "Timestamp": now} for point in points]
            )


def apply(account, region):
    """Samples as long as the process lives."""

    def run():
        executions, changes = Executions(), Changes()
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                sample(account, region, executions, changes)
            except Exception as error:  # the next sample may succeed
                print(f"metrics of queues, executions and streams: {error}", file=sys.stderr, flush=True)

    threading.Thread(target=run, daemon=True, name="service-metrics").start()
