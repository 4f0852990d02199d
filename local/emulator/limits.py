"""What AWS refuses and moto accepts, for the calls of programs that run. One row a limit, with its source.

Limits of what a stack declares are in components/componenttest/limits.go, those of a workflow's state and history in
patches/stepfunctions_limits.py.
"""

import json
from urllib.parse import parse_qs

import callers

KIB, MIB = 1 << 10, 1 << 20
DOCS = "https://docs.aws.amazon.com/"


class Exceeded(callers.Refused):
    """A call beyond a limit."""

    status = "400 Bad Request"


def size(value):
    """Bytes of a text in UTF-8."""
    return len((value or "").encode())


def over(found, limit, what):
    """A message if there is more than the limit of something."""
    return f"{what}: {found}, at most {limit} are accepted" if found > limit else None


def value_size(value):
    """Bytes of a DynamoDB value: names and contents, one for null and booleans, three more for lists and maps."""
    (kind, content), = value.items()
    if kind in ("S", "B"):
        return size(content) if kind == "S" else len(content) * 3 // 4
    if kind == "N":
        return len(content) // 2 + 2
    if kind in ("SS", "NS", "BS"):
        return sum(size(one) for one in content)
    if kind == "L":
        return 3 + sum(1 + value_size(one) for one in content)
    if kind == "M":
        return 3 + item_size(content) + len(content)
    return 1


def item_size(item):
    return sum(size(name) + value_size(value) for name, value in item.items())


def largest_put(p):
    """Bytes of the largest item that a request puts."""
    items = [p["Item"]] if "Item" in p else []
    items += [part["Put"]["Item"] for part in p.get("TransactItems", []) if "Put" in part]
    items += [r["PutRequest"]["Item"] for rs in p.get("RequestItems", {}).values() if isinstance(rs, list)
              for r in rs if "PutRequest" in r]
    return max((item_size(item) for item in items), default=0)


def writes(p):
    return sum(len(requests) for requests in p["RequestItems"].values())


def entries_size(p):
    """Bytes of the messages of a batch, with their attributes."""
    return sum(message_size(e) for e in p["Entries"])


def message_size(p):
    attributes = p.get("MessageAttributes") or {}
    return size(p.get("MessageBody")) + sum(
        size(name) + size(a.get("DataType")) + size(a.get("StringValue")) for name, a in attributes.items()
    )


def events_size(p):
    return sum(14 + size(e.get("Source")) + size(e.get("DetailType")) + size(e.get("Detail")) for e in p["Entries"])


def tags(environ):
    return len(parse_qs(environ.get("HTTP_X_AMZ_TAGGING", ""), keep_blank_values=True))


def user_metadata(environ):
    prefix = "HTTP_X_AMZ_META_"
    return sum(len(name) - len(prefix) + size(value) for name, value in environ.items() if name.startswith(prefix))


DYNAMODB = DOCS + "amazondynamodb/latest/developerguide/Constraints.html"
SQS = DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"
# Service, operations, error, source, and a check that returns a message if the call is refused. Checks of S3, whose
# limits are on headers, are passed the WSGI environment; all others the request's parameters.
TABLE = [
    ("s3", {"PUT", "POST"}, "BadRequest", DOCS + "AmazonS3/latest/userguide/object-tagging.html",
     lambda environ: over(tags(environ), 10, "tags of an object")),
    ("s3", {"PUT", "POST"}, "MetadataTooLarge", DOCS + "AmazonS3/latest/userguide/UsingMetadata.html",
     lambda environ: over(user_metadata(environ), 2 * KIB, "bytes of user-defined metadata")),
    ("dynamodb", {"PutItem", "TransactWriteItems", "BatchWriteItem"}, "ValidationException", DYNAMODB,
     lambda p: over(largest_put(p), 400 * KIB, "bytes of an item")),
    ("dynamodb", {"TransactWriteItems"}, "ValidationException", DYNAMODB,
     lambda p: over(len(p["TransactItems"]), 100, "items of a transaction")),
    ("dynamodb", {"BatchWriteItem"}, "ValidationException", DYNAMODB,
     lambda p: over(writes(p), 25, "writes of a batch")),
    ("dynamodb", {"BatchGetItem"}, "ValidationException", DYNAMODB,
     lambda p: over(sum(len(r["Keys"]) for r in p["RequestItems"].values()), 100, "keys of a batch")),
    ("dynamodb", {"PutItem", "UpdateItem", "Query", "Scan"}, "ValidationException", DYNAMODB,
     lambda p: over(max(size(p.get(name)) for name in ("UpdateExpression", "ConditionExpression", "FilterExpression",
                                                       "KeyConditionExpression", "ProjectionExpression")),
                    4 * KIB, "bytes of an expression")),
    ("sqs", {"SendMessage"}, "InvalidParameterValue", SQS,
     lambda p: over(message_size(p), MIB, "bytes of a message")),
    ("sqs", {"SendMessageBatch"}, "AWS.SimpleQueueService.BatchRequestTooLong", SQS,
     lambda p: over(entries_size(p), MIB, "bytes of a batch")),
    ("sqs", {"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"},
     "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", SQS,
     lambda p: over(len(p["Entries"]), 10, "entries of a batch")),
    ("sqs", {"ReceiveMessage"}, "InvalidParameterValue", SQS,
     lambda p: over(p.get("MaxNumberOfMessages", 1), 10, "messages of a receive")),
    ("sqs", {"ChangeMessageVisibility"}, "InvalidParameterValue", SQS,
     lambda p: over(p["VisibilityTimeout"], 43200, "seconds of a visibility timeout")),
    ("states", {"StartExecution"}, "ValidationException", DOCS + "step-functions/latest/dg/service-quotas.html",
     lambda p: over(size(p.get("input")), 256 * KIB, "bytes of an execution's input")),
    ("events", {"PutEvents"}, "ValidationException", DOCS + "eventbridge/latest/APIReference/API_PutEvents.html",
     lambda p: over(len(p["Entries"]), 10, "entries of PutEvents")),
    ("events", {"PutEvents"}, "ValidationException", DOCS + "eventbridge/latest/userguide/eb-putevents.html",
     lambda p: over(events_size(p), 256 * KIB, "bytes of PutEvents")),
]

_BY_SERVICE = {}
for _row in TABLE:
    _BY_SERVICE.setdefault(_row[0], []).append(_row[1:])


def check(service, environ):
    """Raises Exceeded if AWS would refuse a call for its size."""
    rows = _BY_SERVICE.get(service)
    if not rows:
        return
    if service == "s3":
        operation, call = environ["REQUEST_METHOD"], environ
    else:
        operation, call = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2], None
    for operations, code, source, refuses in rows:
        if operation not in operations:
            continue
        if call is None:
            call = json.loads(callers.body(environ) or b"{}")
        message = refuses(call)
        if message:
            raise Exceeded(code, f"{message} ({source})")
