"""Step Functions: the limits of a workflow's state and history, and the errors that end an execution whatever it
catches.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html and
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import LambdaFunctionErrorException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

# Events that one state adds at most, those of the execution's end included.
MARGIN = 10

_DATA_LIMIT = StatesErrorName(typ=StatesErrorNameType.StatesStatesDataLimitExceeded)
_RUNTIME = StatesErrorName(typ=StatesErrorNameType.StatesRuntime)


def histories_end(limit):
    """moto's histories grow for ever. Here, an execution fails when its own reaches a number of events."""
    original = CommonStateField._eval_body

    def eval_body(self, env):
        if len(env.event_manager._history_event_list) >= limit - MARGIN:
            raise RuntimeError(f"The execution reached the maximum number of history events ({limit}).")
        return original(self, env)

    CommonStateField._eval_body = eval_body


def some_errors_are_final():
    """moto lets States.ALL and States.TaskFailed catch and retry everything."""
    original = ErrorEqualsDecl._eval_body

    def eval_body(self, env):
        if env.stack[-1] not in (_DATA_LIMIT, _RUNTIME):
            return original(self, env)
        error = env.stack.pop()
        env.stack.append(error == _DATA_LIMIT and error in self.error_names)

    ErrorEqualsDecl._eval_body = eval_body


def causes_count():
    """moto measures what a task returns, but not the cause with which it fails."""
    original = StateTaskServiceLambda._from_error

    def from_error(self, env, ex):
        if isinstance(ex, LambdaFunctionErrorException):
            try:
                self._verify_size_quota(env, ex.payload)
            except FailureEventException as too_large:
                return too_large.failure_event
        return original(self, env, ex)

    StateTaskServiceLambda._from_error = from_error


def apply(history_events):
    histories_end(history_events)
    some_errors_are_final()
    causes_count()
