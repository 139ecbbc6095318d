"""Rules of a review: a state that sends a message to SQS and waits for a person's answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.paths import unavoidable
from approvals.workflows.asl.states import CATCH_ALL, Definition, State, texts
from approvals.workflows.linting.rules import Found, Limits, Rule

TOKEN = ("$$.Task.Token", "$states.context.Task.Token")
CORRELATION = (
    *("executionArn", "stateMachineArn", "stateName"),
    *("enteredTime", "retryCount", "redriveCount"),
)
TASK_FAILED = "States.TaskFailed"  # matches every error of a task but a timeout
TIMEOUTS = {"States.Timeout", CATCH_ALL}
_REJECTION = re.compile(r"reject|declin|denied|disapprov|refus", re.IGNORECASE)


def reviews(definition: Definition) -> Iterator[State]:
    """The states that this service answers."""
    return (state for state in definition.states if state.is_review)


def input_lost(definition: Definition, _: Limits) -> Iterator[Found]:
    """Without ResultPath the decision replaces the whole order."""
    for state in reviews(definition):
        if not state.jsonata and not state.ends and state.body.get("ResultPath", "$") == "$":
            yield Found(
                state.pointer,
                "The answer of the review replaces the whole input: the next state gets the"
                " decision and no order.",
                'Set "ResultPath": "$.review".',
            )


def outcome_uncaught(definition: Definition, limits: Limits) -> Iterator[Found]:
    """Rejection and timeout must go somewhere."""
    for state in reviews(definition):
        missing = []
        if not any(_REJECTION.search(name) for name in state.caught) and not (
            state.caught & {CATCH_ALL, TASK_FAILED, limits.error_name}
        ):
            missing.append(f"a rejection ({limits.error_name})")
        if not state.caught & TIMEOUTS:
            missing.append("a timeout (States.Timeout)")
        if missing:
            yield Found(
                state.pointer,
                f"No Catch takes {' and '.join(missing)}: the execution fails where it stands.",
                f'Catch "{limits.error_name}", and "States.Timeout" with "States.HeartbeatTimeout", each'
                " with a ResultPath and a state of its own.",
            )


def error_name_differs(definition: Definition, limits: Limits) -> Iterator[Found]:
    """Step Functions matches error names to the letter."""
    for state in reviews(definition):
        if state.caught & {CATCH_ALL, TASK_FAILED, limits.error_name}:
            continue
        for edge in state.catches:
            if names := sorted(name for name in edge.errors if _REJECTION.search(name)):
                yield Found(
                    edge.pointer,
                    f"The service rejects with {limits.error_name}; this Catch waits for {', '.join(names)}"
                    " and will never match.",
                    f'Add "{limits.error_name}" (the queue\'s error name) to ErrorEquals.',
                )


def cause_read_as_json(definition: Definition, _: Limits) -> Iterator[Found]:
    """The cause of a rejection is a sentence."""
    paths = {
        str(edge.rule.get("ResultPath", "$")) for one in reviews(definition) for edge in one.catches
    }
    for state in definition.states:
        for text in texts(state.body):
            for path in re.findall(r"States\.StringToJson\(\s*(\$[^)\s]*)\.Cause\s*\)", text):
                if path in paths:
                    yield Found(
                        state.pointer,
                        f"{path}.Cause of a rejection is a sentence that a person wrote, no JSON:"
                        " StringToJson ends the execution, and nothing catches that.",
                        f"Pass {path}.Cause on as the text it is.",
                    )


def rejection_retried(definition: Definition, limits: Limits) -> Iterator[Found]:
    """A Retry that takes a rejection asks the same person again."""
    for state in reviews(definition):
        if names := sorted(state.retried & {CATCH_ALL, TASK_FAILED, limits.error_name}):
            yield Found(
                state.pointer,
                f"Retry takes {', '.join(names)}: a rejection comes back as a new review.",
                'Retry only what failed to send: "SQS.SdkClientException",'
                ' "SQS.AmazonSQSException".',
            )


def field_unseeded(definition: Definition, _: Limits) -> Iterator[Found]:
    """A path that only an error's Catch has written is not always there."""
    for state in reviews(definition):
        if state.jsonata:
            continue
        for root in sorted(_roots(state.payload)):
            if _written_by_catch(state, root) and not _seeded(state, root):
                yield Found(
                    state.pointer,
                    f"The message reads $.{root}, which only a Catch writes: entered any other way,"
                    " the state ends the execution with States.Runtime, which nothing catches.",
                    f'Write "{root}": null in a Pass state that every way to the review goes'
                    ' through, or send "input.$": "$" instead.',
                )


def uncorrelated(definition: Definition, _: Limits) -> Iterator[Found]:
    """Without the execution's ARN nobody can find out what became of a token."""
    for state, names in _messages(definition):
        if missing := [name for name in CORRELATION if name not in names]:
            yield Found(
                state.pointer,
                f"The message lacks {', '.join(missing)}: the token alone says nothing of the"
                " execution it belongs to, and an unclear delivery cannot be cleared up.",
                'Add "executionArn.$": "$$.Execution.Id", "stateMachineArn.$": "$$.StateMachine.Id",'
                ' "stateName.$": "$$.State.Name", "enteredTime.$": "$$.State.EnteredTime",'
                ' "retryCount.$": "$$.State.RetryCount", "redriveCount.$": "$$.Execution.RedriveCount".',
            )


def deadline_untold(definition: Definition, _: Limits) -> Iterator[Found]:
    """Reviewers must know until when they may decide."""
    for state, names in _messages(definition):
        if "timeoutSeconds" not in names:
            yield Found(
                state.pointer,
                "The message does not say how long the task waits: reviewers decide after the"
                " deadline, and AWS drops the answer.",
                'Add "timeoutSeconds" to the message, the same as the state\'s TimeoutSeconds.',
            )


def _messages(definition: Definition) -> Iterator[tuple[State, set[str]]]:
    """The reviews whose message is spelled out, with its field names."""
    for state in reviews(definition):
        payload = state.payload
        body = payload.get("MessageBody") if isinstance(payload, dict) else None
        if isinstance(body, dict):
            yield state, {name.removesuffix(".$") for name in body}


def _roots(value: Any) -> set[str]:
    """The names right under `$` that a payload's paths read."""
    return {
        name for text in texts(value) for name in re.findall(r"(?<![$\w])\$\.([A-Za-z_]\w*)", text)
    }


def _written_by_catch(state: State, root: str) -> bool:
    return any(
        re.match(rf"\$\.{root}\b", str(edge.rule.get("ResultPath")))
        for one in state.machine.states.values()
        for edge in one.catches
    )


def _seeded(state: State, root: str) -> bool:
    """Whether a state on every way to this one writes the name, as a key or as its ResultPath."""
    return any(
        _writes(one, root) and unavoidable(state.machine, state, one)
        for one in state.machine.states.values()
        if one is not state
    )


def _writes(state: State, root: str) -> bool:
    if re.match(rf"\$\.{root}\b", str(state.body.get("ResultPath"))):
        return True
    templates = [state.body.get(key) for key in ("Result", "Parameters", "ResultSelector")]
    return state.type == "Pass" and root in {name for one in templates for name in _keys(one)}


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name.removesuffix(".$")
            yield from _keys(inner)


RULES = (
    Rule("review-overwrites-input", "A review keeps its input", input_lost, (1,)),
    Rule("review-outcome-uncaught", "Rejection and timeout are caught", outcome_uncaught, (2,)),
    Rule("review-error-name", "The Catch has our error name", error_name_differs, (3,)),
    Rule("review-cause-as-json", "A reviewer's words are not parsed", cause_read_as_json, (4,)),
    Rule("review-retries-rejection", "A rejection is not retried", rejection_retried),
    Rule("review-field-unseeded", "What the message reads is always there", field_unseeded, (8,)),
    Rule("review-uncorrelated", "The message names its execution", uncorrelated, (9,)),
    Rule("review-deadline-untold", "The message tells its deadline", deadline_untold, (10,)),
)
