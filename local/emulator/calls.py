"""Which rights the calls of roles need. A test compares them with the roles' policies, because the emulator allows
everything to everyone.

A call becomes one or more entries {principal, action, resource, context}: IAM's name of the action, the ARN that it is
authorized on, the condition keys that the request sets. Sources: the pages of the services in
https://docs.aws.amazon.com/service-authorization/latest/reference/. A call that this module does not know becomes an
entry without an action, which fails the test: none is left out in silence.
"""

import json
import re
import threading
from urllib.parse import parse_qs, unquote

import callers
from patches import codedeploy_rights

_lock = threading.Lock()
_entries = {}  # by what distinguishes them

# IAM authorizes the parts of a batch as single calls, and needs no right at all for some.
_RENAMED = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
_FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}


class Unknown(Exception):
    """A call whose rights this module does not know."""


def recorded():
    """All entries so far, in a fixed order."""
    with _lock:
        return [_entries[key] for key in sorted(_entries)]


def record(caller, environ, account, start_response):
    """Notes what a call needs, and returns a start_response that notes what its result adds to that."""
    arns = _ARNs(account, _region(environ))
    try:
        needs = list(_needs(caller.service, environ, arns))
    except Unknown as unknown:
        _note(caller.principal, "", str(unknown), {})
        return start_response
    for action, resource, context in needs:
        _note(caller.principal, action, resource, context)

    def started(status, headers, exc_info=None):
        # S3 says that an object is missing only to those who may list the bucket; others get 403. Its own question
        # has no prefix ("GetObject", S3 API Reference).
        if caller.service == "s3" and status.startswith("404"):
            for action, resource, _ in needs:
                bucket, _, key = resource.partition("/")
                if key and action.startswith("s3:GetObject"):
                    _note(caller.principal, "s3:ListBucket", bucket, {})
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return started


def _note(principal, action, resource, context):
    """Keeps one entry of those that differ only below the second level of an object's key."""
    shape = resource
    if action.startswith("s3:"):
        shape = "/".join(resource.split("/")[:3])
    settings = {name: value for name, value in context.items() if name != "s3:prefix"}
    key = json.dumps([principal, action, shape, settings], sort_keys=True)
    with _lock:
        _entries.setdefault(
            key, {"principal": principal, "action": action, "resource": resource, "context": context}
        )


class _ARNs:
    def __init__(self, account, region):
        self.account, self.region = account, region

    def of(self, service, resource):
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def _region(environ):
    return environ["HTTP_AUTHORIZATION"].split("Credential=")[1].split("/")[2]


def _needs(service, environ, arns):
    """The (action, resource, context) of a call."""
    if service == "s3":
        return _s3(environ)
    if service == "lambda":
        return _lambda(environ, arns)
    if service == "eks":
        return _eks(environ, arns)
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        operation, parameters = target.rpartition(".")[2], json.loads(callers.body(environ) or b"{}")
    else:
        parameters = {name: values[0] for name, values in parse_qs(callers.body(environ).decode()).items()}
        operation = parameters.get("Action", "")
    if (service, operation) in _FREE:
        return []
    find = _SERVICES.get(service)
    if find is None or not operation:
        raise Unknown(f"{service} {operation or environ['REQUEST_METHOD'] + ' ' + environ['RAW_URI']}")
    return find(_RENAMED.get(operation, operation), parameters, arns)


# Words of DynamoDB's expressions that are not attributes.
_WORDS = set("""set remove add delete and or not between in if_not_exists attribute_exists attribute_not_exists
attribute_type begins_with contains size list_append""".split())
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression", "KeyConditionExpression", "FilterExpression")


def _attributes(p):
    """The attributes that a request names, as in the condition key dynamodb:Attributes."""
    found = {*p.get("Key", {}), *p.get("Item", {}), *p.get("ExpressionAttributeNames", {}).values()}
    for name in _EXPRESSIONS:
        for word in re.findall(r"(?<![:#.\w])[A-Za-z_][\w-]*", p.get(name, "")):
            if word.lower() not in _WORDS:
                found.add(word)
    return {"dynamodb:Attributes": sorted(found)} if found else {}


def _dynamodb(operation, p, arns):
    def table(name):
        return name if name.startswith("arn:") else arns.of("dynamodb", f"table/{name}")

    if operation in ("BatchGetItem", "BatchWriteItem"):
        for name in p["RequestItems"]:
            yield f"dynamodb:{operation}", table(name), {}
    elif operation == "TransactWriteItems":
        for item in p["TransactItems"]:
            for kind, part in item.items():
                action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
                yield f"dynamodb:{action}", table(part["TableName"]), _attributes(part)
    elif operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "DescribeTable"):
        index = f"/index/{p['IndexName']}" if "IndexName" in p else ""
        yield f"dynamodb:{operation}", table(p["TableName"]) + index, _attributes(p)
    else:
        raise Unknown(f"dynamodb {operation}")


def _sqs(operation, p, arns):
    if operation == "ListQueues":
        yield "sqs:ListQueues", "*", {}
        return
    name = p["QueueUrl"].rstrip("/").rpartition("/")[2] if "QueueUrl" in p else p["QueueName"]
    yield f"sqs:{operation}", arns.of("sqs", name), {}


def _states(operation, p, arns):
    if operation == "StartExecution":
        # An alias or version is authorized as a condition on the state machine:
        # https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
        parts = p["stateMachineArn"].split(":")
        context = {"states:StateMachineQualifier": [parts[7]]} if len(parts) > 7 else {}
        yield "states:StartExecution", ":".join(parts[:7]), context
    elif operation in ("DescribeExecution", "StopExecution", "RedriveExecution", "GetExecutionHistory"):
        yield f"states:{operation}", p["executionArn"].rpartition(":")[0] + ":example", {}
    elif operation == "ListExecutions":
        yield "states:ListExecutions", ":".join(p["stateMachineArn"].split(":")[:7]), {}
    else:
        raise Unknown(f"states {operation}")


def _events(operation, p, arns):
    if operation != "PutEvents":
        raise Unknown(f"events {operation}")
    for e in p["Entries"]:
        bus = e.get("EventBusName", "default")
        resource = bus if bus.startswith("arn:") else arns.of("events", f"event-bus/{bus}")
        yield "events:PutEvents", resource, {"events:source": e["Source"], "events:detail-type": e["DetailType"]}


def _autoscaling(operation, p, arns):
    """Groups are authorized by an ARN with an id that only AWS knows, and by their tags."""
    if operation.startswith("Describe"):
        yield f"autoscaling:{operation}", "*", {}
        return
    from moto.autoscaling.models import autoscaling_backends

    groups = autoscaling_backends[arns.account][arns.region].autoscaling_groups
    name = p.get("AutoScalingGroupName")
    if name is None and "InstanceId" in p:
        members = ((g.name, {state.instance.id for state in g.instance_states}) for g in groups.values())
        name = next((group for group, ids in members if p["InstanceId"] in ids), None)
    if name not in groups:
        raise Unknown(f"autoscaling {operation} of an unknown group")
    tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in groups[name].tags}
    more = {f"autoscaling:ResourceTag/{tag['Key']}": tag["Value"] for tag in groups[name].tags}
    yield f"autoscaling:{operation}", groups[name].arn, {**tags, **more}


def _ec2(operation, p, arns):
    if not operation.startswith("Describe"):
        raise Unknown(f"ec2 {operation}")
    yield f"ec2:{operation}", "*", {}


def _kms(operation, p, arns):
    """Keys are authorized by their ARN, whatever they are called by."""
    from moto.kms.models import kms_backends

    if operation not in ("Sign", "Verify", "GetPublicKey"):
        raise Unknown(f"kms {operation}")
    key = kms_backends[arns.account][arns.region].any_id_to_key_id(p["KeyId"])
    names = {"kms:SigningAlgorithm": "SigningAlgorithm", "kms:MessageType": "MessageType"}
    yield f"kms:{operation}", arns.of("kms", f"key/{key}"), {name: p[of] for name, of in names.items() if of in p}


def _kinesis(operation, p, arns):
    if operation not in ("PutRecord", "PutRecords", "DescribeStreamSummary", "ListShards"):
        raise Unknown(f"kinesis {operation}")
    yield f"kinesis:{operation}", p.get("StreamARN") or arns.of("kinesis", f"stream/{p['StreamName']}"), {}


def _cloudwatch(operation, p, arns):
    if operation != "DescribeAlarms":
        raise Unknown(f"cloudwatch {operation}")
    names = [value for name, value in sorted(p.items()) if name.startswith("AlarmNames.")]
    for name in names or ["*"]:
        yield "cloudwatch:DescribeAlarms", arns.of("cloudwatch", f"alarm:{name}"), {}


def _codedeploy(operation, p, arns):
    needs = codedeploy_rights.of(operation, p, arns)
    if not needs:
        raise Unknown(f"codedeploy {operation}")
    return needs


def _logs(operation, p, arns):
    if operation not in ("CreateLogStream", "PutLogEvents"):
        raise Unknown(f"logs {operation}")
    yield f"logs:{operation}", arns.of("logs", f"log-group:{p['logGroupName']}:log-stream:{p['logStreamName']}"), {}


def _secretsmanager(operation, p, arns):
    if operation != "GetSecretValue":
        raise Unknown(f"secretsmanager {operation}")
    yield "secretsmanager:GetSecretValue", p["SecretId"], {}


def _ssm(operation, p, arns):
    if operation not in ("GetParameter", "PutParameter"):
        raise Unknown(f"ssm {operation}")
    arn = arns.of("ssm", "parameter/" + p["Name"].lstrip("/"))
    if p["Name"].startswith("/aws/service/"):  # public: of no account
        arn = arn.replace(f":{arns.account}:", "::")
    yield f"ssm:{operation}", arn, {}


def _sts(operation, p, arns):
    if operation != "AssumeRole":
        raise Unknown(f"sts {operation}")
    yield "sts:AssumeRole", p["RoleArn"], {}


# By the name that requests are signed for.
_SERVICES = {"autoscaling": _autoscaling, "codedeploy": _codedeploy, "dynamodb": _dynamodb, "ec2": _ec2,
             "events": _events, "kinesis": _kinesis, "kms": _kms, "logs": _logs, "monitoring": _cloudwatch,
             "secretsmanager": _secretsmanager, "sqs": _sqs, "ssm": _ssm, "states": _states, "sts": _sts}


def _lambda(environ, arns):
    path, _, query = environ["RAW_URI"].partition("?")
    alias = re.fullmatch(r"/2015-03-31/functions/([^/]+)/aliases/[^/]+", path)
    if alias and environ["REQUEST_METHOD"] in ("GET", "PUT"):
        name = unquote(alias[1])
        action = {"GET": "lambda:GetAlias", "PUT": "lambda:UpdateAlias"}[environ["REQUEST_METHOD"]]
        return [(action, name if name.startswith("arn:") else arns.of("lambda", f"function:{name}"), {})]
    call = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", path)
    if not call or environ["REQUEST_METHOD"] != "POST":
        raise Unknown(f"lambda {environ['REQUEST_METHOD']} {path}")
    name = unquote(call[1])
    resource = name if name.startswith("arn:") else arns.of("lambda", f"function:{name}")
    qualifier = parse_qs(query).get("Qualifier")
    return [("lambda:InvokeFunction", f"{resource}:{qualifier[0]}" if qualifier else resource, {})]


def _eks(environ, arns):
    """A node group's ARN ends in an id of its own. That of a group that is not there does not matter."""
    method, path = environ["REQUEST_METHOD"], environ["RAW_URI"].partition("?")[0]
    group = re.fullmatch(r"/clusters/([^/]+)/node-groups/([^/]+)(/update-version)?", path)
    action = {("GET", None): "DescribeNodegroup", ("POST", "/update-version"): "UpdateNodegroupVersion"}.get(
        (method, group[3] if group else ""))
    if not action:
        raise Unknown(f"eks {method} {path}")
    from moto.eks.models import eks_backends

    name = unquote(group[2])
    cluster = eks_backends[arns.account][arns.region].clusters.get(unquote(group[1]))
    found = cluster.nodegroups.get(name) if cluster else None
    arn = found.arn if found else arns.of("eks", f"nodegroup/{unquote(group[1])}/{name}/id")
    return [(f"eks:{action}", arn, {})]


def _s3(environ):
    method, (path, _, query) = environ["REQUEST_METHOD"], environ["RAW_URI"].partition("?")
    q = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    bucket, _, key = path.lstrip("/").partition("/")
    bucket, key = f"arn:aws:s3:::{bucket}", unquote(key)
    find = _s3_object if key else _s3_bucket
    need = find(method, q, environ)
    if need is None or bucket == "arn:aws:s3:::":
        raise Unknown(f"s3 {method} {path} {sorted(q)}")
    resource = f"{bucket}/{key}" if key else bucket
    return [(action, resource, context) for action, context in need]


def _s3_bucket(method, q, environ):
    listed = {"s3:prefix": q.get("prefix", "")}
    if "delimiter" in q:
        listed["s3:delimiter"] = q["delimiter"]
    if method == "GET" and "versions" in q:
        return [("s3:ListBucketVersions", listed)]
    if method == "GET" and "uploads" in q:
        return [("s3:ListBucketMultipartUploads", listed)]
    if method == "HEAD" or method == "GET" and not {"location", "policy", "versioning", "notification"} & set(q):
        return [("s3:ListBucket", listed)]
    return None


def _s3_object(method, q, environ):
    version = "Version" if "versionId" in q else ""
    subresources = set(q) - {"versionId", "x-id", "partNumber", "uploadId", "uploads"}
    if any(not name.startswith(("X-Amz-", "response-", "x-amz-")) for name in subresources):
        return None
    if method in ("GET", "HEAD"):
        return None if "uploadId" in q else [(f"s3:GetObject{version}", {})]
    if method == "DELETE":
        return [("s3:AbortMultipartUpload" if "uploadId" in q else f"s3:DeleteObject{version}", {})]
    if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
        return None
    if method in ("PUT", "POST"):
        # Only a request that makes the object can carry a condition on it.
        creates = method == "PUT" and "uploadId" not in q or method == "POST" and "uploadId" in q
        context = {"s3:ObjectCreationOperation": "true" if creates else "false"}
        if "HTTP_IF_NONE_MATCH" in environ:
            context["s3:if-none-match"] = environ["HTTP_IF_NONE_MATCH"]
        part = {"dip:multipart": "true"} if "uploadId" in q or "uploads" in q else {}
        needs = [("s3:PutObject", {**context, **part})]
        if "HTTP_X_AMZ_TAGGING" in environ:
            needs.append(("s3:PutObjectTagging", {}))
        return needs
    return None
