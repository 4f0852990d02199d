"""Lambda's control plane: resources read back as created, and invocations go to the runner."""

import copy
import json
import uuid
from urllib.parse import quote, unquote

import moto.awslambda.models as models
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.responses import LambdaResponse
from moto.dynamodb.models.table import Table
from moto.kinesis.models import Stream
from moto.sqs.models import Queue

from . import runner

# Settings that moto drops on create and update.
KEPT = ("LoggingConfig", "DeadLetterConfig", "KMSKeyArn", "FileSystemConfigs")


def invoke_through_runner():
    """moto runs functions in Docker. The name and the qualifier go to the runner unchanged: it chooses the version
    behind an alias by its weights."""

    def invoke(self):
        name = unquote(self.path.rsplit("/", 2)[-2])
        qualifier = self.querystring.get("Qualifier", [None])[0]
        self.backend.get_function(name, qualifier)  # returns 404 if it does not exist
        invocation_type = self.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
        if invocation_type == "DryRun":
            return 204, {"status": 204}, ""
        log_type = self.headers.get("X-Amz-Log-Type") or "None"
        try:
            status, headers, body = runner.invoke(name, qualifier, self.body, invocation_type, log_type)
        except runner.Unavailable as error:
            status = 500
            headers = {"x-amzn-errortype": "ServiceException"}
            body = json.dumps({"Type": "Service", "Message": str(error)}).encode()
        kept = {k: v for k, v in headers.items() if k.lower().startswith(("x-amz", "content-type"))}
        return status, {**kept, "status": status, "Content-Length": str(len(body))}, body

    def invoke_function(self, body, request_headers, response_headers):
        # Reached from SNS and CloudWatch Logs subscriptions, which invoke asynchronously.
        runner.send_event(self.function_arn, body)
        return b""

    LambdaResponse.invoke = invoke
    models.LambdaFunction.invoke = invoke_function


def mappings_belong_to_the_runner():
    """moto's own mappings invoke once per record, do not support partial failures and lose the messages."""

    class Nothing(dict):
        def __setitem__(self, key, value):
            pass

    for source in (Queue, Stream, Table):

        def init(self, *args, _init=source.__init__, **kwargs):
            _init(self, *args, **kwargs)
            self.lambda_event_source_mappings = Nothing()

        source.__init__ = init


def mapping_keeps_its_alias():
    """moto reads back a mapping to an alias as the version behind it, so that every `pulumi up` sees a change."""

    def qualified(backend, function_name):
        function = backend.get_function(function_name)
        name = function_name.rsplit(":function:", 1)[-1]
        arn = models.make_function_arn(backend.region_name, backend.account_id, function.function_name)
        return f"{arn}:{name.split(':', 1)[1]}" if ":" in name else arn

    create = models.LambdaBackend.create_event_source_mapping
    update = models.LambdaBackend.update_event_source_mapping

    def create_event_source_mapping(self, spec):
        mapping = create(self, spec)
        mapping.function_arn = qualified(self, spec["FunctionName"])
        return mapping

    def update_event_source_mapping(self, uuid, spec):
        mapping = update(self, uuid, spec)
        if mapping and spec.get("FunctionName"):
            mapping.function_arn = qualified(self, spec["FunctionName"])
        return mapping

    models.LambdaBackend.create_event_source_mapping = create_event_source_mapping
    models.LambdaBackend.update_event_source_mapping = update_event_source_mapping


def fetchable_code(endpoint):
    """moto's GetFunction returns a code location on AWS's servers."""
    original = models.LambdaFunction.get_code

    def get_code(self):
        answer = original(self)
        if answer.get("Code", {}).get("RepositoryType") == "S3":
            parts = (self.account_id, self.region, self.function_name, str(self.version))
            answer["Code"]["Location"] = f"{endpoint}/_local/code/" + "/".join(quote(p, safe="") for p in parts)
        return answer

    models.LambdaFunction.get_code = get_code


def settings_read_back():
    """moto drops some settings on create and most on update: every preview would show a change."""
    init = models.LambdaFunction.__init__
    configuration = models.LambdaFunction.get_configuration
    update = models.LambdaFunction.update_configuration

    def create(self, account_id, spec, region, version=1):
        self.kept = {k: spec[k] for k in KEPT if spec.get(k)}
        init(self, account_id, spec, region, version)

    def get_configuration(self, on_create=False):
        default_logging = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        kept = {**self.kept, "LoggingConfig": {**default_logging, **self.kept.get("LoggingConfig", {})}}
        return {**configuration(self, on_create), **kept}

    def update_configuration(self, updates):
        # A new dict: published versions share the old one.
        self.kept = {**self.kept, **{k: v for k, v in updates.items() if k in KEPT}}
        if updates.get("EphemeralStorage"):
            self.ephemeral_storage = updates["EphemeralStorage"]["Size"]
        if updates.get("TracingConfig"):
            self.tracing_config = updates["TracingConfig"]
        update(self, updates)
        return self.get_configuration()

    models.LambdaFunction.__init__ = create
    models.LambdaFunction.get_configuration = get_configuration
    models.LambdaFunction.update_configuration = update_configuration


def versions_count_up():
    """moto numbers a version by how many exist, so that a number is reused after a deletion. It also publishes a
    second, identical version after the first, and changes the code of a version that UpdateFunctionCode just
    published."""

    def publish_version(self, name_or_arn, description=""):
        function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        group = self._functions[function.function_name]
        if group["versions"] and not function.code_or_config_updated:
            return group["versions"][-1]
        function.code_or_config_updated = False
        group["published"] = group.get("published", 0) + 1
        version = copy.copy(function)
        version.code = dict(function.code)
        version.set_version(group["published"])
        if description:
            version.description = description
        group["versions"].append(version)
        self._arns[version.function_arn] = version
        return version

    def update_function_code(self, function_name, qualifier, body):
        function = self.get_function(function_name, qualifier)
        configuration = function.update_function_code(body)
        if body.get("Publish"):
            configuration = self.publish_version(function_name).get_configuration()
        return configuration

    models.LambdaStorage.publish_version = publish_version
    models.LambdaBackend.update_function_code = update_function_code


def invoke_config_read_back():
    """moto appends each change of the asynchronous settings and reads back the first; it drops the alias."""

    def holder(self, name):
        qualifier = self.querystring.get("Qualifier", [None])[0]
        function = self.backend.get_function(name, qualifier)
        arn = models.make_function_arn(self.backend.region_name, self.backend.account_id, function.function_name)
        group = self.backend._lambdas._functions[function.function_name]
        return group.setdefault("invoke_configs", {}), qualifier or "$LATEST", f"{arn}:{qualifier or '$LATEST'}"

    def name_of(self):
        return unquote(self.path.rsplit("/", 2)[-2])

    def put(self):
        configs, qualifier, arn = holder(self, name_of(self))
        body = {k: v for k, v in self.json_body.items() if k not in ("FunctionName", "Qualifier") and v is not None}
        configs[qualifier] = {
            "MaximumRetryAttempts": 2,
            "MaximumEventAgeInSeconds": 21600,
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
            **(configs.get(qualifier, {}) if self.method == "POST" else {}),
            **body,
            "FunctionArn": arn,
            "LastModified": models.time.time(),
        }
        return json.dumps(configs[qualifier])

    def get(self):
        configs, qualifier, arn = holder(self, name_of(self))
        if qualifier not in configs:
            raise NoInvokeConfig(arn)
        return json.dumps(configs[qualifier])

    def delete(self):
        configs, qualifier, arn = holder(self, name_of(self))
        if configs.pop(qualifier, None) is None:
            raise NoInvokeConfig(arn)
        return 204, {"status": 204}, ""

    def list_all(self):
        name = unquote(self.path.split("/functions/", 1)[1].split("/", 1)[0])
        configs, _, _ = holder(self, name)
        return json.dumps({"FunctionEventInvokeConfigs": list(configs.values())})

    LambdaResponse.put_function_event_invoke_config = put
    LambdaResponse.update_function_event_invoke_config = put
    LambdaResponse.get_function_event_invoke_config = get
    LambdaResponse.delete_function_event_invoke_config = delete
    LambdaResponse.list_function_event_invoke_configs = list_all


class NoInvokeConfig(LambdaClientError):
    code = 404

    def __init__(self, arn):
        super().__init__("ResourceNotFoundException", f"The function {arn} doesn't have an EventInvokeConfig")


def aliases_point_to_versions():
    """moto takes weights of versions that do not exist, reads back weights that were removed, and keeps the revision
    of an alias that changes."""

    def check(storage, function_name, version, routing):
        weights = (routing or {}).get("AdditionalVersionWeights") or {}
        if not weights:
            return {}
        if len(weights) > 1 or version in weights or "$LATEST" in (version, *weights):
            raise InvalidAlias(f"an alias routes to one more published version, not from {version} to {list(weights)}")
        for other, weight in weights.items():
            storage.get_function_by_name_or_arn_with_qualifier(function_name, other)
            if not 0 <= weight <= 1:
                raise InvalidAlias(f"the weight of version {other} is {weight}, want 0 to 1")
        return routing

    put, update = models.LambdaStorage.put_alias, models.LambdaStorage.update_alias

    def put_alias(self, name, function_name, function_version, description, routing_config):
        routing = check(self, function_name, function_version, routing_config)
        return put(self, name, function_name, function_version, description, routing)

    def update_alias(self, name, function_name, function_version, description, routing_config):
        version = function_version or self.get_alias(name, function_name).function_version
        if routing_config is not None:
            routing_config = check(self, function_name, version, routing_config)
        alias = update(self, name, function_name, version, description, routing_config)
        alias.revision_id = str(uuid.uuid4())
        return alias

    models.LambdaStorage.put_alias = put_alias
    models.LambdaStorage.update_alias = update_alias


class InvalidAlias(LambdaClientError):
    def __init__(self, message):
        super().__init__("InvalidParameterValueException", message)


def cheap_listing():
    """ListFunctions with all versions deep-copies each function, and with it the backend of CloudWatch Logs."""

    def all_versions(self):
        listed = []
        for group in list(self._functions.values()):
            latest = copy.copy(group["latest"])
            latest.function_arn += ":$LATEST"
            listed += [latest, *group["versions"]]
        return listed

    models.LambdaStorage.all = all_versions


def apply(endpoint):
    cheap_listing()
    invoke_through_runner()
    mappings_belong_to_the_runner()
    mapping_keeps_its_alias()
    fetchable_code(endpoint)
    settings_read_back()
    versions_count_up()
    invoke_config_read_back()
    aliases_point_to_versions()
