"""Rules on timeouts: of a state that waits for an answer, and of the whole workflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.model import Definition, State
from approvals.workflows.asl.reachability import has_loop
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation
from approvals.workflows.linting.rules.reviews import reviews

_WAITING = (".waitForTaskToken", ".sync", ".sync:2")  # for an answer, or for the end of a job


def timeout_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the states that wait for a task token without a timeout; a heartbeat ends the wait as well.

    Without both AWS ends the wait with the execution: after a year at the latest (Service quotas).
    """
    until = "until the workflow's own timeout" if _has_timeout(definition.body) else "for a year"
    for state in definition.states:
        beats = {"HeartbeatSeconds", "HeartbeatSecondsPath"} & set(state.body)
        if state.waits_for_token and not beats and not _has_timeout(state.body):
            yield Violation(
                state.pointer,
                f"Without TimeoutSeconds a lost message leaves the execution waiting {until}.",
                'Set "TimeoutSeconds", for a review for example 86400.',
            )


def timeout_below_undo(definition: Definition, queue: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews that time out before a decision is sent, which is when its undo is over."""
    for state in reviews(definition):
        seconds = literal_seconds(state.body.get("TimeoutSeconds"))
        if seconds is not None and seconds <= queue.undo_seconds:
            yield Violation(
                state.pointer + "/TimeoutSeconds",
                f"The task times out after {seconds} s, a decision leaves only after the undo of"
                f" {queue.undo_seconds} s: every answer is late.",
                f"Wait well over {queue.undo_seconds} s; people need minutes or hours.",
            )


def outlives_retention(definition: Definition, queue: QueueSettings) -> Iterator[Violation]:
    """Yields the reviews that wait longer than SQS keeps their message, and with it the token."""
    for state in reviews(definition):
        seconds = literal_seconds(state.body.get("TimeoutSeconds"))
        if seconds is not None and seconds >= queue.retention_seconds:
            yield Violation(
                state.pointer + "/TimeoutSeconds",
                f"The task waits {seconds} s, the queue keeps a message {queue.retention_seconds} s:"
                " a message that nobody read is gone while the execution still waits for it.",
                "Raise the queue's MessageRetentionPeriod (at most 1209600) above TimeoutSeconds, or"
                " wait less; --retention-seconds says what the queue has.",
            )


def heartbeat_too_slow(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the states whose heartbeat is due no sooner than their timeout."""
    for state in definition.states:
        heartbeat = literal_seconds(state.body.get("HeartbeatSeconds"))
        timeout = literal_seconds(state.body.get("TimeoutSeconds"))
        if heartbeat is not None and timeout is not None and heartbeat >= timeout:
            yield Violation(
                state.pointer + "/HeartbeatSeconds",
                f"HeartbeatSeconds ({heartbeat}) is not below TimeoutSeconds ({timeout}).",
                "Set HeartbeatSeconds below TimeoutSeconds, or leave it out.",
            )


def workflow_timeout_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields a STANDARD workflow that has no timeout of its own and may run longer than it should."""
    if definition.express or _has_timeout(definition.body):
        return
    unlimited = any(_is_unlimited(state) for state in definition.states)
    if unlimited or any(has_loop(machine) for machine in definition.machines):
        yield Violation(
            "",
            "The workflow has no TimeoutSeconds: a STANDARD execution that hangs, in a wait or a job"
            " without a timeout or in a loop, does so for up to a year.",
            "Set TimeoutSeconds at the top, above the sum of all waits (nothing in the workflow can"
            " catch it: watch its status event). Say --express where it is an EXPRESS workflow.",
        )


def _is_unlimited(state: State) -> bool:
    """Whether an execution may be in this state for as long as a worker, a job or the input wants.

    A request that AWS answers itself, a Lambda too, ends within minutes.
    """
    if state.type == "Wait":
        return literal_seconds(state.body.get("Seconds")) is None
    waits = ":activity:" in state.resource or state.resource.endswith(_WAITING)
    return waits and not _has_timeout(state.body)


def workflow_timeout_short(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields a workflow whose timeout is not above the sum of its reviews' timeouts."""
    whole = literal_seconds(definition.body.get("TimeoutSeconds"))
    waits = [
        literal_seconds(state.body.get("TimeoutSeconds")) or 0 for state in reviews(definition)
    ]
    if whole is not None and 0 < whole <= sum(waits):
        yield Violation(
            "/TimeoutSeconds",
            f"The workflow ends after {whole} s, its reviews alone may wait {sum(waits)} s: an"
            " execution dies under a reviewer's hands, and no Catch sees it.",
            f"Set TimeoutSeconds above {sum(waits)}, with the rounds a review may take.",
        )


def literal_seconds(value: Any) -> int | float | None:
    """A number of seconds as written; None for a path or a substitution, which is known only later."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _has_timeout(body: dict[str, Any]) -> bool:
    return "TimeoutSeconds" in body or "TimeoutSecondsPath" in body


STATE_RULES = (
    Rule("callback-timeout-missing", "A wait for an answer ends", timeout_missing, (10,)),
    Rule("review-timeout-below-undo", "A review outlasts the undo", timeout_below_undo, (10,)),
    Rule("review-outlives-retention", "The queue outlasts a review", outlives_retention, (10,)),
    Rule("heartbeat-above-timeout", "A heartbeat is faster than the timeout", heartbeat_too_slow),
)
WORKFLOW_RULES = (
    Rule("workflow-timeout-missing", "The workflow ends some day", workflow_timeout_missing, (15,)),
    Rule(
        "workflow-timeout-short", "The workflow outlasts its reviews", workflow_timeout_short, (15,)
    ),
)
