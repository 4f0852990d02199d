"""Step Functions: versions, weighted aliases, executions that are idempotent by name, cheap tasks."""

import copy
import datetime
import functools
import json
import random
import sys
import threading
import uuid

import moto.stepfunctions.models as models
import moto.stepfunctions.parser.asl.utils.boto_client as boto_client
import moto.stepfunctions.parser.models as parser
from botocore.config import Config
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.responses import StepFunctionResponse
from moto.sts.models import sts_backends

_starting = threading.RLock()


def choose_version(routing, draw):
    """The version ARN that an alias runs for a draw in [0, 100): weights are whole percentages."""
    for entry in routing:
        if draw < entry["weight"]:
            return entry["stateMachineVersionArn"]
        draw -= entry["weight"]
    return routing[-1]["stateMachineVersionArn"]


def _resolve(backend, arn):
    """(machine, revision that runs, version ARN or None, alias ARN or None) of any kind of state machine ARN."""
    parts = arn.split(":")
    if len(parts) <= 7:
        machine = backend.describe_state_machine(arn)
        return machine, machine, None, None
    machine = backend.describe_state_machine(":".join(parts[:7]))
    if parts[7].isnumeric():
        return machine, backend.describe_state_machine(arn), arn, None
    alias = backend.describe_state_machine_alias(arn)
    version = choose_version(alias.routing_configuration, random.randrange(100))
    return machine, backend.describe_state_machine(version), version, arn


def start_execution():
    """moto deep-copies the backend with all its executions, does not support aliases, stores an execution under the
    version (where it is never found), names an execution without a name "None", and lets two starts of one name race.

    An execution belongs to the machine, runs a copy of the revision that its ARN chose at the start, and a second
    start with its name and input returns it while it runs. Any other reuse of a name is ExecutionAlreadyExists."""

    def start(self, state_machine_arn, name=None, execution_input=None, trace_header=None):
        name = name or str(uuid.uuid4())
        self._validate_name(name)
        execution_input = execution_input or "{}"
        with _starting:
            machine, revision, version_arn, alias_arn = _resolve(self, state_machine_arn)
            existing = machine._handle_name_input_idempotency(name, execution_input)
            if existing is not None:
                return existing
            machine._validate_execution_input(execution_input)
            frozen = copy.copy(revision)
            frozen.executions = []
            frozen.arn = machine.arn
            execution = parser.Execution(
                name=name,
                sm_type=frozen.sm_type,
                role_arn=frozen.roleArn,
                exec_arn=machine.arn.replace(":stateMachine:", ":execution:") + ":" + name,
                account_id=self.account_id,
                region_name=self.region_name,
                state_machine=frozen,
                start_date=datetime.datetime.now(tz=datetime.timezone.utc),
                cloud_watch_logging_session=None,
                input_data=execution_input,
                trace_header=trace_header,
                activity_store={},
            )
            execution.version_arn, execution.alias_arn = version_arn, alias_arn
            machine.executions.append(execution)
            execution.start()
        return execution

    parser.StepFunctionsParserBackend.start_execution = start


def describe_execution():
    """moto omits the version and the alias, the end of timed-out executions, and the quotes of an output that is a
    string."""

    def describe(self):
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        answer = {
            "executionArn": execution.execution_arn,
            "stateMachineArn": execution.state_machine_arn,
            "stateMachineVersionArn": execution.version_arn,
            "stateMachineAliasArn": execution.alias_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.start_date,
            "stopDate": execution.stop_date,
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "redriveCount": 0,
            "error": execution.error,
            "cause": execution.cause,
        }
        if execution.status == "SUCCEEDED":
            answer["output"] = json.dumps(execution.output)
            answer["outputDetails"] = {"included": True}
        return ActionResult({k: v for k, v in answer.items() if v is not None})

    StepFunctionResponse.describe_execution = describe


def list_executions():
    """Lists by the ARN of a version or an alias too, newest first, with the end of every execution that has ended."""

    def backend_list(self, state_machine_arn, status_filter=None):
        parts = state_machine_arn.split(":")
        machine = self.describe_state_machine(":".join(parts[:7]))
        found = [
            e
            for e in machine.executions
            if (not status_filter or e.status == status_filter)
            and (len(parts) <= 7 or state_machine_arn in (e.version_arn, e.alias_arn))
        ]
        return sorted(found, key=lambda e: e.start_date, reverse=True)

    def list_page(self):
        arn = self._get_param("stateMachineArn")
        size = self._get_int_param("maxResults") or 100
        start = int(self._get_param("nextToken") or 0)
        found = backend_list(self.stepfunction_backend, arn, self._get_param("statusFilter"))
        executions = [
            {
                "executionArn": e.execution_arn,
                "name": e.name,
                "startDate": e.start_date,
                "stateMachineArn": e.state_machine_arn,
                "status": e.status,
                **({"stopDate": e.stop_date} if e.stop_date else {}),
                **({"stateMachineVersionArn": e.version_arn} if e.version_arn else {}),
                **({"stateMachineAliasArn": e.alias_arn} if e.alias_arn else {}),
            }
            for e in found[start : start + size]
        ]
        answer = {"executions": executions}
        if start + size < len(found):
            answer["nextToken"] = str(start + size)
        return ActionResult(answer)

    StepFunctionResponse.list_executions = list_page


def versions():
    """moto publishes versions on create and update, but cannot list, delete or publish one on its own, and it publishes
    a new one even if nothing changed since the last."""

    def fingerprint(machine):
        return machine.definition, machine.roleArn, machine.loggingConfiguration, machine.tracingConfiguration

    def publish(machine, description):
        latest = machine.versions.get(machine.latest_version_number)
        if latest is not None and fingerprint(latest) == fingerprint(machine):
            machine.latest_version = latest
            return
        machine.latest_version_number += 1
        machine.latest_version = models.StateMachineVersion(machine, machine.latest_version_number, description)
        machine.versions[machine.latest_version_number] = machine.latest_version

    def publish_state_machine_version(self):
        machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
        machine.publish(self._get_param("description"))
        latest = machine.latest_version
        return ActionResult({"creationDate": latest.creation_date, "stateMachineVersionArn": latest.arn})

    def list_state_machine_versions(self):
        machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
        newest_first = [machine.versions[n] for n in sorted(machine.versions, reverse=True)]
        listed = [{"stateMachineVersionArn": v.arn, "creationDate": v.creation_date} for v in newest_first]
        return ActionResult({"stateMachineVersions": listed})

    def delete_state_machine_version(self):
        machine_arn, number = self._get_param("stateMachineVersionArn").rsplit(":", 1)
        machine = self.stepfunction_backend.describe_state_machine(machine_arn)
        machine.versions.pop(int(number), None)
        return EmptyResult()

    def validate_state_machine_definition(self):
        diagnostics = []
        try:
            parser.StepFunctionsParserBackend._validate_definition(self._get_param("definition"))
        except parser.InvalidDefinition as error:
            diagnostics = [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error.message)}]
        return ActionResult({"result": "FAIL" if diagnostics else "OK", "diagnostics": diagnostics, "truncated": False})

    models.StateMachine.publish = publish
    StepFunctionResponse.publish_state_machine_version = publish_state_machine_version
    StepFunctionResponse.list_state_machine_versions = list_state_machine_versions
    StepFunctionResponse.delete_state_machine_version = delete_state_machine_version
    StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition


def shared_clients(endpoint, region):
    """moto makes a new AWS client per task (tens of milliseconds) with one connection, to `localhost`, which may
    resolve to an address where nothing listens, and signs with a key that does not exist. Here, all executions of a
    role share one client per service, which signs with a key of that role."""
    import boto3

    lock = threading.Lock()

    @functools.cache
    def make(service, region_name, role_arn):
        # No timeout of its own: the timeout of the function or of the state ends a task.
        config = Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            connect_timeout=60,
            read_timeout=3600,
            max_pool_connections=256,
        )
        return boto3.Session(region_name=region).client(
            service, region_name=region_name, endpoint_url=endpoint, config=config, **_assume(role_arn, region)
        )

    def boto_client_for(region, service, state_credentials=None):
        with lock:  # one client per service and role
            return make(service, region, state_credentials.role_arn if state_credentials else None)

    original = boto_client.boto_client_for
    boto_client.boto_client_for = boto_client_for
    for module in list(sys.modules.values()):  # those that imported the function by its name
        if getattr(module, "boto_client_for", None) is original:
            module.boto_client_for = boto_client_for


def _assume(role_arn, region):
    """A key of a role as arguments of a client; of no role, the process's own key."""
    if role_arn is None:
        return {}
    role = sts_backends[role_arn.split(":")[4]]["aws"].assume_role(
        region_name=region, role_session_name="states", role_arn=role_arn, policy=None, duration=43200, external_id=None
    )
    return {
        "aws_access_key_id": role.access_key_id,
        "aws_secret_access_key": role.secret_access_key,
        "aws_session_token": role.session_token,
    }


def apply(endpoint, region):
    start_execution()
    describe_execution()
    list_executions()
    versions()
    shared_clients(endpoint, region)
