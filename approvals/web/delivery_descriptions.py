"""The words for every delivery state of a decision and for every detail of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from approvals.models.outbox import DeliveryState, Detail

CALM, GOOD, WARN, BAD = "calm", "good", "warn", "bad"


class Description(NamedTuple):
    """What became of a decision in words; `tone` is calm, good, warn or bad."""

    tone: str
    label: str
    sentence: str


# NOT_REDRIVABLE and REFUSED have no words: only starts and interventions end with them.
BY_DETAIL: Mapping[tuple[str, str], Description] = {
    (DeliveryState.WAITING, Detail.UNDO_WINDOW): Description(
        CALM,
        "Waiting to be sent",
        "It can still be undone. Nothing has been sent to Step Functions.",
    ),
    (DeliveryState.WAITING, Detail.QUEUED): Description(
        CALM,
        "Waiting to be sent",
        "It is sent to Step Functions next.",
    ),
    (DeliveryState.WAITING, Detail.RETRYING): Description(
        WARN,
        "Trying again",
        "Step Functions did not take it yet. It is sent again until an answer proves something.",
    ),
    (DeliveryState.WAITING, Detail.BREAKER_OPEN): Description(
        WARN,
        "On hold",
        "Step Functions is refusing calls just now. It is sent as soon as that ends.",
    ),
    (DeliveryState.DELIVERED, Detail.ACKNOWLEDGED): Description(
        GOOD,
        "Delivered",
        "Step Functions acknowledged it. The workflow has moved on.",
    ),
    (DeliveryState.DELIVERED, Detail.PROVED_BY_HISTORY): Description(
        GOOD,
        "Delivered",
        "The answer to our call was lost, but the execution's history holds this decision.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.EXPIRED): Description(
        BAD,
        "Too late",
        "Step Functions had stopped waiting before this arrived. The workflow took its timeout path.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.ABORTED): Description(
        BAD,
        "Execution was stopped",
        "Somebody stopped the execution before this arrived. It had no effect.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.EXECUTION_ENDED): Description(
        BAD,
        "Execution had ended",
        "The execution was over before this arrived. It had no effect.",
    ),
    (DeliveryState.CLOSED_ELSEWHERE, Detail.OTHER_PARTY): Description(
        BAD,
        "Answered by somebody else",
        "Another program answered this step first. This decision had no effect.",
    ),
    (DeliveryState.UNCONFIRMED, Detail.NO_EXECUTION_ARN): Description(
        WARN,
        "Unconfirmed",
        (
            "The step is closed, but the message named no execution, so nobody can tell whether by this"
            " decision. Look at the order itself."
        ),
    ),
    (DeliveryState.UNCONFIRMED, Detail.HISTORY_UNREADABLE): Description(
        WARN,
        "Unconfirmed",
        (
            "Step Functions reports the step closed, and the execution's history has not been read, so"
            " nobody can tell yet whether by this decision. Look at the order itself."
        ),
    ),
    (DeliveryState.UNCONFIRMED, Detail.HISTORY_GONE): Description(
        WARN,
        "Unconfirmed",
        (
            "The step is closed, and its execution's history is no longer kept. Look at the order"
            " itself."
        ),
    ),
    (DeliveryState.PARKED, Detail.INVALID_TOKEN): Description(
        BAD,
        "Needs an operator",
        "Step Functions does not know this step's token. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.INVALID_OUTPUT): Description(
        BAD,
        "Needs an operator",
        "Step Functions refused the content of this decision. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.ACCESS_DENIED): Description(
        BAD,
        "Needs an operator",
        "AWS does not let Countersign answer this step. The decision is kept.",
    ),
    (DeliveryState.PARKED, Detail.KEY_MISSING): Description(
        BAD,
        "Needs an operator",
        "The key that opens this step's token is missing. The decision is kept.",
    ),
    (DeliveryState.UNDONE, Detail.UNDONE): Description(
        CALM,
        "Undone",
        "Taken back before it was sent. Step Functions knows nothing of it.",
    ),
}
BY_STATE: Mapping[str, Description] = {
    DeliveryState.WAITING: Description(CALM, "Waiting to be sent", "It has not been sent yet."),
    DeliveryState.SENDING: Description(CALM, "Sending", "The call to Step Functions is under way."),
    DeliveryState.DELIVERED: Description(GOOD, "Delivered", "Step Functions has it."),
    DeliveryState.CLOSED_ELSEWHERE: Description(
        BAD, "Closed elsewhere", "The step was closed without this decision."
    ),
    DeliveryState.UNCONFIRMED: Description(
        WARN, "Unconfirmed", "Nobody can tell whether this decision arrived."
    ),
    DeliveryState.PARKED: Description(
        BAD, "Needs an operator", "It could not be sent. The decision is kept."
    ),
    DeliveryState.UNDONE: Description(CALM, "Undone", "Taken back before it was sent."),
}
ICONS: Mapping[str, str] = {
    DeliveryState.WAITING: "clock",
    DeliveryState.SENDING: "paper-airplane",
    DeliveryState.DELIVERED: "check-circle",
    DeliveryState.CLOSED_ELSEWHERE: "link-slash",
    DeliveryState.UNCONFIRMED: "question-mark-circle",
    DeliveryState.PARKED: "wrench-screwdriver",
    DeliveryState.UNDONE: "arrow-uturn-left",
}


def describe(state: DeliveryState, detail: str) -> Description:
    """The words for a state and its detail; those of the state alone if the detail has none."""
    return BY_DETAIL.get((state, detail)) or BY_STATE[state]
