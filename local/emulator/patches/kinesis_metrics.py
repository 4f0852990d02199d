"""Kinesis: what the metrics of a stream tell of ("Monitoring the Amazon Kinesis Data Streams Service with Amazon
CloudWatch" in the developer guide), counted where it happens. service_metrics publishes it."""

# Counts, whose sum over a time is what matters.
COUNTS = {
    "IncomingRecords": "Count", "IncomingBytes": "Bytes", "WriteProvisionedThroughputExceeded": "Count",
    "ReadProvisionedThroughputExceeded": "Count", "PutRecords.ThrottledRecords": "Count",
    "PutRecords.FailedRecords": "Count",
}
# The age of the last record that a GetRecords returned, 0 if it returned none.
AGE = "GetRecords.IteratorAgeMilliseconds"


def _counted(stream):
    if not hasattr(stream, "counted"):
        stream.counted = {}
    return stream.counted


def count(stream, **amounts):
    found = _counted(stream)
    for metric, amount in amounts.items():
        found[metric] = found.get(metric, 0) + amount


def reached(stream, age):
    """Says how old, in milliseconds, what a reader has come to is."""
    found = _counted(stream)
    found[AGE] = max(found.get(AGE, 0), age)


def take(stream):
    """The data points since the last ones: those of counts, and those of ages."""
    found, stream.counted = _counted(stream), {}
    dimensions = [{"Name": "StreamName", "Value": stream.stream_name}]
    counts = [{"MetricName": metric, "Dimensions": dimensions, "Unit": unit, "Value": found[metric]}
              for metric, unit in COUNTS.items() if found.get(metric)]
    ages = [{"MetricName": AGE, "Dimensions": dimensions, "Unit": "Milliseconds", "Value": found[AGE]}] if AGE in found else []
    return counts, ages
