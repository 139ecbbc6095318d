"""Rules on human reviews: states that send a message to SQS and wait for a person's decision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.untrusted.message_fields import field_of
from approvals.workflows.asl.model import CATCH_ALL, Definition, State, texts
from approvals.workflows.asl.reachability import dominates, error_free, successors
from approvals.workflows.linting.data_flow import reader_of_lost, reads
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation

CORRELATION = (
    *("executionArn", "stateMachineArn", "stateName"),
    *("enteredTime", "retryCount", "redriveCount"),
)
TASK_FAILED = "States.TaskFailed"  # matches every error of a task except a timeout
TIMEOUTS = {"States.Timeout", CATCH_ALL}
# What this service answers (docs: the output of a review), and the names that tutorials use.
ANSWER = frozenset(
    (
        *("decision", "approved", "reviewer", "approved_at", "decided_at", "decision_id"),
        *("reason", "reason_code", "edits", "status", "approval", "comment", "reviewed_by"),
    )
)
_REJECTION = re.compile(r"reject|declin|denied|disapprov|refus", re.IGNORECASE)


def reviews(definition: Definition) -> Iterator[State]:
    """The definition's reviews."""
    return (state for state in definition.states if state.is_review)


def input_overwritten(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews whose result replaces an input that a later state reads."""
    for state in reviews(definition):
        # A Choice directly after it branches on the answer, whatever its fields are called.
        chosen = [one for one in successors(state, error_free) if one.type == "Choice"]
        answer = ANSWER.union(*(reads(one).fields for one in chosen))
        reader = reader_of_lost(state, answer, lambda _: True)
        if reader is not None:
            yield Violation(
                state.pointer,
                f"The answer of the review replaces the whole input: {reader.name} reads it, and gets"
                " the decision and no order.",
                'Set "ResultPath": "$.review".',
            )


def outcome_uncaught(definition: Definition, queue: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews that do not catch a rejection, or not a timeout."""
    for state in reviews(definition):
        missing = []
        if not any(_REJECTION.search(name) for name in state.caught_errors) and not (
            state.caught_errors & {CATCH_ALL, TASK_FAILED, queue.error_name}
        ):
            missing.append(f"a rejection ({queue.error_name})")
        if not state.caught_errors & TIMEOUTS:
            missing.append("a timeout (States.Timeout)")
        if missing:
            yield Violation(
                state.pointer,
                f"No Catch takes {' and '.join(missing)}: the execution fails where it stands.",
                f'Catch "{queue.error_name}", and "States.Timeout" with "States.HeartbeatTimeout", each'
                " with a ResultPath and a state of its own.",
            )


def error_name_differs(definition: Definition, queue: QueueSettings) -> Iterator[Violation]:
    """Yields the Catch rules for a rejection that lack the queue's error name: AWS matches it exactly."""
    for state in reviews(definition):
        if state.caught_errors & {CATCH_ALL, TASK_FAILED, queue.error_name}:
            continue
        for catch in state.catches:
            if names := sorted(name for name in catch.errors if _REJECTION.search(name)):
                yield Violation(
                    catch.pointer,
                    f"The service rejects with {queue.error_name}; this Catch waits for {', '.join(names)}"
                    " and will never match.",
                    f'Add "{queue.error_name}" (the queue\'s error name) to ErrorEquals.',
                )


def cause_read_as_json(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the states that parse the Cause of a rejection, a person's sentence, as JSON."""
    paths = {
        str(catch.rule.get("ResultPath", "$"))
        for review in reviews(definition)
        for catch in review.catches
    }
    for state in definition.states:
        for text in texts(state.body):
            for path in re.findall(r"States\.StringToJson\(\s*(\$[^)\s]*)\.Cause\s*\)", text):
                if path in paths:
                    yield Violation(
                        state.pointer,
                        f"{path}.Cause of a rejection is a sentence that a person wrote, no JSON:"
                        " StringToJson ends the execution, and nothing catches that.",
                        f"Pass {path}.Cause on as the text it is.",
                    )


def rejection_retried(definition: Definition, queue: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews whose Retry takes a rejection, so that it comes back as a new review."""
    for state in reviews(definition):
        if names := sorted(state.retried_errors & {CATCH_ALL, TASK_FAILED, queue.error_name}):
            yield Violation(
                state.pointer,
                f"Retry takes {', '.join(names)}: a rejection comes back as a new review.",
                'Retry only what failed to send: "SQS.SdkClientException",'
                ' "SQS.AmazonSQSException".',
            )


def field_unseeded(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the messages that read a field which is written by a Catch and not on every path."""
    for state in reviews(definition):
        if state.jsonata:
            continue
        for root in sorted(_roots(state.payload)):
            if _written_by_catch(state, root) and not _written_on_every_path(state, root):
                yield Violation(
                    state.pointer,
                    f"The message reads $.{root}, which only a Catch writes: entered any other way,"
                    " the state ends the execution with States.Runtime, which nothing catches.",
                    f'Write "{root}": null in a Pass state that every way to the review goes'
                    ' through, or send "input.$": "$" instead.',
                )


def uncorrelated(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the messages that lack a field by which the service finds their execution."""
    for state, names in _messages(definition):
        if missing := [name for name in CORRELATION if name not in names]:
            yield Violation(
                state.pointer,
                f"The message lacks {', '.join(missing)}: the token alone says nothing of the"
                " execution it belongs to, and an unclear delivery cannot be cleared up.",
                'Add "executionArn.$": "$$.Execution.Id", "stateMachineArn.$": "$$.StateMachine.Id",'
                ' "stateName.$": "$$.State.Name", "enteredTime.$": "$$.State.EnteredTime",'
                ' "retryCount.$": "$$.State.RetryCount", "redriveCount.$": "$$.Execution.RedriveCount".',
            )


def deadline_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the messages that do not carry the timeout of their state, where it has one."""
    for state, names in _messages(definition):
        has_timeout = {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state.body)
        if has_timeout and "timeoutSeconds" not in names:
            yield Violation(
                state.pointer,
                "The message does not say how long the task waits: reviewers decide after the"
                " deadline, and AWS drops the answer.",
                'Add "timeoutSeconds" to the message, the same as the state\'s TimeoutSeconds.',
            )


def deadline_differs(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the messages whose timeoutSeconds is another number than the TimeoutSeconds of their state."""
    for state, fields in _messages(definition):
        stated, real = fields.get("timeoutSeconds"), state.body.get("TimeoutSeconds")
        if isinstance(stated, str) and stated.isascii() and stated.isdecimal() and len(stated) < 10:
            stated = int(stated)
        if _is_number(stated) and _is_number(real) and stated != real:
            yield Violation(
                state.pointer,
                f"The message says that the task waits {stated} s, and AWS ends it after {real} s:"
                " reviewers see a deadline that is not the real one.",
                "Write the same number into timeoutSeconds and TimeoutSeconds.",
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _messages(definition: Definition) -> Iterator[tuple[State, dict[str, Any]]]:
    """The reviews whose MessageBody is an object, with its members by the field that intake reads in them."""
    for state in reviews(definition):
        payload = state.payload
        body = payload.get("MessageBody") if isinstance(payload, dict) else None
        if isinstance(body, dict):
            bare = {name.removesuffix(".$"): value for name, value in body.items()}
            yield state, {field_of(name) or name: value for name, value in bare.items()}


def _roots(value: Any) -> set[str]:
    """The top-level fields of the input that a payload's paths read."""
    return {
        name for text in texts(value) for name in re.findall(r"(?<![$\w])\$\.([A-Za-z_]\w*)", text)
    }


def _written_by_catch(state: State, root: str) -> bool:
    return any(
        re.match(rf"\$\.{root}\b", str(catch.rule.get("ResultPath")))
        for other in state.machine.states.values()
        for catch in other.catches
    )


def _written_on_every_path(state: State, root: str) -> bool:
    """Whether a state that every path to this one passes writes the field."""
    return any(
        _writes(other, root) and dominates(other, state)
        for other in state.machine.states.values()
        if other is not state
    )


def _writes(state: State, root: str) -> bool:
    """Whether a state writes the field: by its ResultPath, or as a key of a Pass state's output."""
    if re.match(rf"\$\.{root}\b", str(state.body.get("ResultPath"))):
        return True
    templates = [state.body.get(key) for key in ("Result", "Parameters", "ResultSelector")]
    return state.type == "Pass" and root in {
        key for template in templates for key in _keys(template)
    }


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name.removesuffix(".$")
            yield from _keys(inner)


RULES = (
    Rule("review-overwrites-input", "A review keeps its input", input_overwritten, (1,)),
    Rule("review-outcome-uncaught", "Rejection and timeout are caught", outcome_uncaught, (2,)),
    Rule("review-error-name", "The Catch has our error name", error_name_differs, (3,)),
    Rule("review-cause-as-json", "A reviewer's words are not parsed", cause_read_as_json, (4,)),
    Rule("review-retries-rejection", "A rejection is not retried", rejection_retried),
    Rule("review-field-unseeded", "What the message reads is always there", field_unseeded, (8,)),
    Rule("review-uncorrelated", "The message names its execution", uncorrelated, (9,)),
    Rule("review-deadline-untold", "The message tells its deadline", deadline_missing, (10,)),
    Rule("review-deadline-differs", "The deadline it tells is real", deadline_differs, (10,)),
)
