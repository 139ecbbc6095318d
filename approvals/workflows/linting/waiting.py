"""Rules of waiting: tokens, timeouts, heartbeats, and what EXPRESS cannot wait for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.states import Definition, State, texts
from approvals.workflows.linting.reviews import TOKEN, reviews
from approvals.workflows.linting.rules import Found, Limits, Rule

EXPRESS_SECONDS = 300
# No run-a-job, no callback, no activity in an EXPRESS workflow (Standard and Express, developer guide).
NOT_IN_EXPRESS = (".waitForTaskToken", ".sync", ".sync:2")


def token_missing(definition: Definition, _: Limits) -> Iterator[Found]:
    """Who gets no token cannot answer."""
    for state in definition.states:
        if not state.waits_for_token:
            continue
        if not any(token in text for text in texts(state.payload) for token in TOKEN):
            yield Found(
                state.pointer,
                "The payload has no task token: nobody can answer, and the state waits until it"
                " times out.",
                'Put "taskToken.$": "$$.Task.Token" into the message.',
            )


def timeout_missing(definition: Definition, _: Limits) -> Iterator[Found]:
    """A wait without an end lasts a year."""
    for state in definition.states:
        if state.waits_for_token and not _has(state, "TimeoutSeconds"):
            yield Found(
                state.pointer,
                "Without TimeoutSeconds a lost message leaves the execution waiting for a year.",
                'Set "TimeoutSeconds", for a review for example 86400.',
            )


def timeout_below_undo(definition: Definition, limits: Limits) -> Iterator[Found]:
    """A decision leaves when its undo is over."""
    for state in reviews(definition):
        seconds = _seconds(state.body.get("TimeoutSeconds"))
        if seconds is not None and seconds <= limits.undo_seconds:
            yield Found(
                state.pointer + "/TimeoutSeconds",
                f"The task times out after {seconds} s, a decision leaves only after the undo of"
                f" {limits.undo_seconds} s: every answer is late.",
                f"Wait well over {limits.undo_seconds} s; people need minutes or hours.",
            )


def outlives_retention(definition: Definition, limits: Limits) -> Iterator[Found]:
    """SQS drops a message, token and all, when its retention is over."""
    for state in reviews(definition):
        seconds = _seconds(state.body.get("TimeoutSeconds"))
        if seconds is not None and seconds >= limits.retention_seconds:
            yield Found(
                state.pointer + "/TimeoutSeconds",
                f"The task waits {seconds} s, the queue keeps a message {limits.retention_seconds} s:"
                " a message that nobody read is gone while the execution still waits for it.",
                "Raise the queue's MessageRetentionPeriod (at most 1209600) above TimeoutSeconds, or"
                " wait less; --retention-seconds says what the queue has.",
            )


def heartbeat_too_slow(definition: Definition, _: Limits) -> Iterator[Found]:
    """A heartbeat slower than the timeout never matters."""
    for state in definition.states:
        beat = _seconds(state.body.get("HeartbeatSeconds"))
        whole = _seconds(state.body.get("TimeoutSeconds"))
        if beat is not None and whole is not None and beat >= whole:
            yield Found(
                state.pointer + "/HeartbeatSeconds",
                f"HeartbeatSeconds ({beat}) is not below TimeoutSeconds ({whole}).",
                "Set HeartbeatSeconds below TimeoutSeconds, or leave it out.",
            )


def waits_in_express(definition: Definition, _: Limits) -> Iterator[Found]:
    """What needs STANDARD."""
    for state in definition.states:
        if not state.machine.express:
            continue
        activity = ":activity:" in state.resource
        if state.resource.endswith(NOT_IN_EXPRESS) or activity or state.is_distributed:
            what = "A distributed Map" if state.is_distributed else state.resource
            yield Found(
                state.pointer,
                f"{what} needs a STANDARD workflow; this state runs in an EXPRESS one.",
                "Make the workflow (or the Map's children) STANDARD, or start an execution of a"
                " STANDARD one from here with states:startExecution.",
            )


def longer_than_express(definition: Definition, _: Limits) -> Iterator[Found]:
    """An EXPRESS workflow ends after five minutes."""
    for machine in definition.machines:
        if not machine.express:
            continue
        places = [(machine.pointer + "/TimeoutSeconds", machine.body.get("TimeoutSeconds"))]
        places += [
            (f"{state.pointer}/{key}", state.body.get(key))
            for state in machine.states.values()
            for key in ("TimeoutSeconds", "Seconds")
        ]
        for place, value in places:
            seconds = _seconds(value)
            if seconds is not None and seconds > EXPRESS_SECONDS:
                yield Found(
                    place,
                    f"{seconds} s, but AWS ends an EXPRESS workflow after {EXPRESS_SECONDS} s.",
                    "Wait less, or make the workflow STANDARD.",
                )


def workflow_unbounded(definition: Definition, _: Limits) -> Iterator[Found]:
    """An execution that hangs must end some day."""
    if not definition.express and not _has_key(definition.body, "TimeoutSeconds"):
        yield Found(
            "",
            "The workflow has no TimeoutSeconds: an execution that hangs does so for a year.",
            "Set TimeoutSeconds at the top, above the sum of all waits (nothing in the workflow can"
            " catch it: watch its status event).",
        )


def workflow_too_short(definition: Definition, _: Limits) -> Iterator[Found]:
    """The whole must outlast its waits."""
    whole = _seconds(definition.body.get("TimeoutSeconds"))
    waits = [_seconds(state.body.get("TimeoutSeconds")) or 0 for state in reviews(definition)]
    if whole is not None and 0 < whole <= sum(waits):
        yield Found(
            "/TimeoutSeconds",
            f"The workflow ends after {whole} s, its reviews alone may wait {sum(waits)} s: an"
            " execution dies under a reviewer's hands, and no Catch sees it.",
            f"Set TimeoutSeconds above {sum(waits)}, with the rounds a review may take.",
        )


def _seconds(value: Any) -> int | float | None:
    """A number of seconds that is written down; a path or a substitution is known only later."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _has_key(body: dict[str, Any], key: str) -> bool:
    return key in body or f"{key}Path" in body


def _has(state: State, key: str) -> bool:
    return _has_key(state.body, key)


RULES = (
    Rule("callback-token-missing", "Who shall answer gets the token", token_missing),
    Rule("callback-timeout-missing", "A wait for an answer ends", timeout_missing, (10,)),
    Rule("review-timeout-below-undo", "A review outlasts the undo", timeout_below_undo, (10,)),
    Rule("review-outlives-retention", "The queue outlasts a review", outlives_retention, (10,)),
    Rule("heartbeat-above-timeout", "A heartbeat is faster than the timeout", heartbeat_too_slow),
    Rule("express-cannot-wait", "What waits is STANDARD", waits_in_express),
    Rule("express-too-long", "EXPRESS ends in five minutes", longer_than_express),
    Rule("workflow-timeout-missing", "The workflow ends some day", workflow_unbounded, (15,)),
    Rule("workflow-timeout-short", "The workflow outlasts its reviews", workflow_too_short, (15,)),
)
