"""Distributed Map: child executions, tolerated failures, batches of items, results in S3.

Plain moto runs the children inside the parent, ignores that they failed, and refuses EXPRESS
children, ItemBatcher, JSON Lines and a ResultWriter's results. Inline Maps remain moto's.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local.aws import map_items, map_results
from local.aws.definition_parsing import DistributedMap
from local.aws.map_errors import failure
from local.aws.map_runs import MapChild, MapRun, Tolerance, child_executions
from local.aws.map_workers import MapWorkers
from local.aws.state_attempts import Aborted, abortable, attempt_frame, take_result

_evaluate_inline = StateMap._evaluate_with_timeout
_evaluate_state = StateMap._eval_state
_describe = StepFunctionsParserBackend.describe_execution


def install() -> None:
    """Replace moto's evaluation of distributed Maps, and make DescribeExecution find their children."""
    StateMap._evaluate_with_timeout = _evaluate_attempt
    StateMap._eval_state = abortable(_evaluate_state, HistoryEventType.MapStateAborted)
    StepFunctionsParserBackend.describe_execution = _describe_execution


def _describe_execution(self: Any, execution_arn: str) -> Any:
    return child_executions.get(execution_arn) or _describe(self, execution_arn)


def _evaluate_attempt(self: Any, env: Any) -> None:
    plan = getattr(self, "distributed", None)
    if plan is None:
        _evaluate_inline(self, env)
        return
    with attempt_frame(env) as frame:
        output = _run(self, plan, frame)
    take_result(self, env, output)


def _run(state: Any, plan: DistributedMap, env: Any) -> Any:
    """Evaluate the state from MapStateStarted to MapStateSucceeded and return its result."""
    items = None if state.item_reader else map_items.from_state(state, env)
    started = {"mapStateStartedEventDetails": {"length": len(items or [])}}
    _add_event(env, HistoryEventType.MapStateStarted, started)
    run = _map_run_of(state, plan, env)
    try:
        output = _run_children(state, plan, env, run, items)
    except Exception as failed:
        run.end("FAILED")
        details = {"mapRunFailedEventDetails": _error_details(failed)}
        _add_event(env, HistoryEventType.MapRunFailed, details)
        raise
    except Aborted:
        run.end("ABORTED")
        _add_event(env, HistoryEventType.MapRunAborted)
        raise
    run.end("SUCCEEDED")
    _add_event(env, HistoryEventType.MapRunSucceeded)
    _add_event(env, HistoryEventType.MapStateSucceeded)
    return output


def _map_run_of(state: Any, plan: DistributedMap, env: Any) -> MapRun:
    """Return a new Map Run or, in a redriven execution, the one that failed, opened again."""
    run: MapRun | None = env.part.map_run
    if run is None:
        run = env.part.map_run = _new_map_run(state, plan, env)
        details = {"mapRunStartedEventDetails": {"mapRunArn": run.arn}}
        _add_event(env, HistoryEventType.MapRunStarted, details)
        return run
    run.redrive()
    redriven = {"mapRunArn": run.arn, "redriveCount": run.redrives}
    _add_event(env, HistoryEventType.MapRunRedriven, {"mapRunRedrivenEventDetails": redriven})
    return run


def _error_details(failed: Exception) -> dict[str, str]:
    if isinstance(failed, FailureEventException):
        error, cause = failed.extract_error_cause_pair() or (None, None)
        return {"error": error or "States.Runtime", "cause": cause or ""}
    return {"error": "States.Runtime", "cause": str(failed)}


def _add_event(env: Any, event: HistoryEventType, details: dict[str, Any] | None = None) -> None:
    env.event_manager.add_event(
        context=env.event_history_context, event_type=event, event_details=details
    )


def _new_map_run(state: Any, plan: DistributedMap, env: Any) -> MapRun:
    context = env.states.context_object.context_object_data
    label = state.label.label if state.label else str(uuid.uuid4())
    machine = StateMachineInstance(
        arn=f"{context['StateMachine']['Id']}/{label}",
        name=f"{context['StateMachine']['Name']}/{label}",
        definition=plan.child,
        roleArn=env.aws_execution_details.role_arn,
        sm_type=plan.kind,
    )
    return MapRun(
        execution_arn=context["Execution"]["Id"],
        machine=machine,
        kind=plan.kind,
        account=env.aws_execution_details.account,
        region=env.aws_execution_details.region,
        max_concurrency=int(_evaluated(state.max_concurrency_decl, env)),
        tolerance=Tolerance(
            count=_tolerated(state.tolerated_failure_count_decl, "Count", plan, env),
            percentage=_tolerated(state.tolerated_failure_percentage_decl, "Percentage", plan, env),
        ),
    )


def _tolerated(declared: Any, what: str, plan: DistributedMap, env: Any) -> Any:
    """Return ToleratedFailureCount or ToleratedFailurePercentage, or None if the state has none.

    `what` is Count or Percentage. If only one of the two is set, the other has no default.
    """
    given = f"ToleratedFailure{what}" in plan.state or f"ToleratedFailure{what}Path" in plan.state
    return _evaluated(declared, env) if given else None


def _evaluated(component: Any, env: Any) -> Any:
    component.eval(env=env)
    return env.stack.pop()


def _run_children(
    state: Any, plan: DistributedMap, env: Any, run: MapRun, items: list[Any] | None
) -> Any:
    payloads = _evaluated(plan.payloads, env)
    if run.children is None:
        read = map_items.from_reader(state, env) if items is None else items
        chosen = map_items.selected(state, env, read)
        inputs = map_items.inputs(env, chosen, payloads["batcher"])
        run.children = [MapChild(text, count) for text, count in inputs]
    workers = MapWorkers(run)
    workers.run([child for child in run.children if child.status != "SUCCEEDED"], env)
    if not env.is_running():
        with suppress(
            FailureEventException
        ):  # the execution has ended: a missing bucket fails nothing
            _results(plan, env, run, payloads["writer"])
        raise Aborted
    output = _results(plan, env, run, payloads["writer"])
    if workers.failed:
        cause = "The specified tolerated failure threshold was exceeded"
        raise failure(env, "States.ExceedToleratedFailureThreshold", cause)
    return output


def _results(plan: DistributedMap, env: Any, run: MapRun, place: dict[str, Any]) -> Any:
    """Write or return the results, also of a failed run: children never started are PENDING."""
    if place:
        return map_results.write(run, plan.writer, place, env)
    transformation = plan.writer.get("WriterConfig", {}).get("Transformation", "COMPACT")
    return map_results.as_list(run, transformation)
