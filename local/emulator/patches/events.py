"""EventBridge: rules deliver to Lambda, SNS and Step Functions too, with the same payloads as AWS."""

import copy
import datetime
import json
import sys
import uuid

import moto.events.models as models
import moto.s3.notifications as notifications

from . import runner, sequencer

_S3_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}


def _iso(value):
    """moto stores the time of an event as a number and does not render it for some targets."""
    if isinstance(value, (int, float)):
        moment = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def _payload(target, event):
    """The text that a target receives: its constant Input, the part at InputPath, the template, or the event."""
    if "Input" in target:
        return target["Input"]
    if target.get("InputPath"):
        from jsonpath_ng.ext import parse

        found = parse(target["InputPath"]).find(event)
        return json.dumps(found[0].value if found else None)
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        if transformer["InputTemplate"].lstrip().startswith('"'):
            return _lines(transformer, event)
        with_ingestion = {**event, "ingestion-time": event["time"]}
        parsed = models.EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event=with_ingestion,
        )
        return json.dumps(parsed)
    return json.dumps({k: v for k, v in event.items() if k != "ingestion-time"})


def _lines(transformer, event):
    """A template that is text: strings, one a line, which arrive with their quotes. moto takes it for JSON."""
    from jsonpath_ng.ext import parse

    text = transformer["InputTemplate"]
    for name, path in transformer.get("InputPathsMap", {}).items():
        found = parse(path).find(event)
        value = found[0].value if found else ""
        text = text.replace(f"<{name}>", json.dumps(value).strip('"'))
    return text


def _deliver(target, body):
    service, region, account = target["Arn"].split(":")[2:5]
    if service == "lambda":
        runner.send_event(target["Arn"], body)
    elif service == "sns":
        from moto.sns.models import sns_backends

        sns_backends[account][region].publish(message=body, arn=target["Arn"])
    elif service == "states":
        from moto.stepfunctions.parser.models import stepfunctions_parser_backends

        backend = stepfunctions_parser_backends[account][region]
        backend.start_execution(target["Arn"], str(uuid.uuid4()), body)
    else:
        from moto.sqs.models import sqs_backends

        group = target.get("SqsParameters", {}).get("MessageGroupId")
        name = target["Arn"].rsplit(":", 1)[-1]
        sqs_backends[account][region].send_message(queue_name=name, message_body=body, group_id=group)


def _deliver_or_bury(target, body):
    """AWS retries for 24 hours, then uses the target's dead-letter queue. Local failures are permanent: no retries."""
    try:
        _deliver(target, body)
    except Exception as error:  # any failure of a target stays with that target
        buried = target.get("DeadLetterConfig", {}).get("Arn")
        print(f"EventBridge target {target['Arn']}: {error}; dead-letter queue: {buried}", file=sys.stderr, flush=True)
        if buried:
            _deliver({"Arn": buried}, body)


def deliver_to_targets():
    """moto raises NotImplementedError for Lambda, SNS and Step Functions targets, ignores Input, disabled rules and
    dead-letter queues, and sends every event to rules that have only a schedule."""

    original = models.Rule.send_to_targets

    def send_to_targets(self, original_event, transform_input=True):
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        if not self.event_pattern.matches_event(original_event):
            return
        event = copy.deepcopy(original_event)
        event["time"] = _iso(event.get("time"))
        rest = []
        for target in self.targets:
            if target["Arn"].split(":")[2] in ("lambda", "states", "sqs", "sns"):
                _deliver_or_bury(target, _payload(target, event))
            else:
                rest.append(target)
        if rest:
            remaining = copy.copy(self)
            remaining.targets = rest
            original(remaining, original_event, transform_input)

    models.Rule.send_to_targets = send_to_targets


def emit(account_id, region, source, detail_type, resources, detail):
    """An event of a service, as it comes on the default bus."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account_id,
        "time": _iso(datetime.datetime.now().timestamp()),
        "region": region,
        "resources": resources,
        "detail": detail,
    }
    for rule in list(models.events_backends[account_id][region].event_buses["default"].rules.values()):
        rule.send_to_targets(event, transform_input=False)


def s3_events_through_eventbridge():
    """moto sends a constant sequencer, a made-up reason and `null` as the version of unversioned objects."""

    def send(account_id, bucket, event_name, key):
        described = {"key": key.name, "sequencer": sequencer.next()}
        if hasattr(key, "etag"):
            described |= {"size": key.size, "etag": key.etag.replace('"', "")}
        if key.version_id != "null":
            described["version-id"] = key.version_id
        reason = event_name.split(":", 1)[1]
        detail = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": described,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": _S3_REASONS.get(reason, reason),
        }
        emit(account_id, bucket.region_name, "aws.s3", notifications._detail_type(event_name), [bucket.arn], detail)

    notifications._send_event_bridge_message = send


def apply():
    deliver_to_targets()
    s3_events_through_eventbridge()
