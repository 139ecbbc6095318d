"""What events prove about a token, case by case: pages of a history that no execution had to be driven to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from approvals.arns import Place
from approvals.exceptions import Throttled
from approvals.gateways import histories
from approvals.gateways.errors import Answer, Proof
from approvals.gateways.histories import Event, Page
from approvals.models import Decision, ReviewTask
from approvals.reconciliation import callback_evidence
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import rate_limits
from tests import factories

pytestmark = pytest.mark.django_db

TOKEN = "token-000111222333"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/manual-review"
HERE = Place("us-east-1")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
OURS = uuid4()


class History:
    """Events by number; a page has the newest `page` of those that are left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.page = 1000
        self.reads: list[tuple[Place, str, str | None]] = []
        self.answer = Answer(Proof.ACCEPTED)
        monkeypatch.setattr(histories, "read", self._read)

    def add(self, kind: str, *, after: int | None = None, **details: Any) -> int:
        """An event that follows the last one, or another; returns its number."""
        number = len(self.events) + 1
        previous = number - 1 if after is None else after
        at = BEGAN + timedelta(seconds=number)
        self.events.append(Event(number, previous, kind, at, details))
        return number

    def send(self, token: str = TOKEN, *, after: int | None = None, message_id: str = "m-1") -> int:
        """A task that sends a token to SQS and waits; returns the number of its last event."""
        body = {"taskToken": token, "orderId": "1"}
        parameters = json.dumps({"QueueUrl": QUEUE_URL, "MessageBody": body})
        self.add("TaskScheduled", after=after, parameters=parameters)
        self.add("TaskStarted")
        return self.add("TaskSubmitted", output=json.dumps({"MessageId": message_id}))

    def _read(self, place: Place, arn: str, cursor: str | None) -> tuple[Answer, Page | None]:
        self.reads.append((place, arn, cursor))
        if self.answer.proof != Proof.ACCEPTED:
            return self.answer, None
        newest = self.events[::-1]
        first = int(cursor or 0)
        rest = first + self.page < len(newest)
        page = newest[first : first + self.page]
        return self.answer, Page(page, str(first + self.page) if rest else None)


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> History:
    """An empty history of every execution."""
    return History(monkeypatch)


@pytest.fixture
def review() -> ReviewTask:
    """A review of the token."""
    return factories.review(taskToken=TOKEN)


def proved(found: Evidence) -> tuple[Fate, int, str]:
    return found.fate, found.event, found.kind


def test_a_task_without_an_end_is_open_since_it_was_scheduled(
    history: History, review: ReviewTask
) -> None:
    history.send()

    found = callback_evidence.ask(review)

    assert proved(found) == (Fate.OPEN, 1, "TaskScheduled")
    assert found.at == BEGAN + timedelta(seconds=1)
    assert not found.fate.is_closed


@pytest.mark.parametrize(
    ("kind", "fate"),
    [
        ("TaskTimedOut", Fate.EXPIRED),
        ("TaskStateAborted", Fate.ABORTED),
        ("TaskSucceeded", Fate.OTHER_PARTY),
        ("TaskFailed", Fate.OTHER_PARTY),
        ("TaskSubmitFailed", Fate.OTHER_PARTY),
        ("TaskStartFailed", Fate.OTHER_PARTY),
    ],
)
def test_the_event_that_closes_a_task_proves_its_fate(
    kind: str, fate: Fate, history: History, review: ReviewTask
) -> None:
    history.send()
    history.add(kind)
    history.add("ExecutionFailed")

    found = callback_evidence.ask(review)

    assert proved(found) == (fate, 4, kind)
    assert found.at == BEGAN + timedelta(seconds=4)
    assert found.fate.is_closed


@pytest.mark.parametrize(
    ("ending", "fate"),
    [
        ("ExecutionAborted", Fate.ABORTED),
        ("ExecutionFailed", Fate.EXECUTION_ENDED),
        ("ExecutionSucceeded", Fate.EXECUTION_ENDED),
        ("ExecutionTimedOut", Fate.EXECUTION_ENDED),
    ],
)
def test_the_end_of_its_execution_ends_a_task(
    ending: str, fate: Fate, history: History, review: ReviewTask
) -> None:
    history.send()
    history.add(ending)

    assert proved(callback_evidence.ask(review)) == (fate, 4, ending)


@pytest.mark.parametrize("ending", ["ExecutionAborted", "ExecutionFailed"])
def test_a_task_that_an_ended_execution_does_not_show_is_over_with_it(
    ending: str, history: History, review: ReviewTask
) -> None:
    history.send("token-of-the-another")
    history.add(ending)

    assert proved(callback_evidence.ask(review)) == (Fate.EXECUTION_ENDED, 4, ending)


def test_a_task_that_a_running_execution_does_not_show_is_unknown(
    history: History, review: ReviewTask
) -> None:
    history.send("token-of-the-another")

    assert callback_evidence.ask(review) == Evidence(Fate.UNKNOWN_TASK)


def test_a_task_after_a_redrive_is_open_and_one_before_it_ended_with_the_first_end(
    history: History, review: ReviewTask
) -> None:
    history.send("token-of-the-before")
    history.add("ExecutionFailed")
    history.add("ExecutionRedriven")
    history.send()
    before = factories.review(taskToken="token-of-the-before")

    assert callback_evidence.ask(review).fate == Fate.OPEN
    assert proved(callback_evidence.ask(before)) == (Fate.EXECUTION_ENDED, 4, "ExecutionFailed")


def test_events_of_parallel_branches_interleave_and_each_closes_its_own_task(
    history: History, review: ReviewTask
) -> None:
    other = factories.review(taskToken="token-of-the-other")
    begun = history.add("ParallelStateStarted")
    here = history.send(after=begun)
    there = history.send("token-of-the-other", after=begun)
    history.add("TaskTimedOut", after=there)
    history.add("TaskSucceeded", after=here, output="{}")

    assert proved(callback_evidence.ask(review)) == (Fate.OTHER_PARTY, 9, "TaskSucceeded")
    assert proved(callback_evidence.ask(other)) == (Fate.EXPIRED, 8, "TaskTimedOut")


def decision() -> Decision:
    return Decision(pk=OURS)


@pytest.mark.parametrize(
    ("kind", "details", "fate"),
    [
        ("TaskSucceeded", {"output": json.dumps({"decision_id": str(OURS)})}, Fate.OURS),
        ("TaskSucceeded", {"output": json.dumps({"decision_id": f"x{OURS}"})}, Fate.OTHER_PARTY),
        ("TaskSucceeded", {"output": json.dumps({"id": str(OURS)})}, Fate.OTHER_PARTY),
        ("TaskSucceeded", {"output": json.dumps([str(OURS)])}, Fate.OTHER_PARTY),
        ("TaskSucceeded", {"output": "no JSON"}, Fate.OTHER_PARTY),
        pytest.param("TaskSucceeded", {"output": "[" * 100_000}, Fate.OTHER_PARTY, id="brackets"),
        ("TaskSucceeded", {}, Fate.OTHER_PARTY),
        ("TaskSucceeded", {"cause": f"[decision {OURS}]"}, Fate.OTHER_PARTY),
        ("TaskFailed", {"cause": f"Rejected by Alice: no [decision {OURS}]"}, Fate.OURS),
        ("TaskFailed", {"cause": f"[decision {OURS}] and more"}, Fate.OTHER_PARTY),
        ("TaskFailed", {"cause": None}, Fate.OTHER_PARTY),
        ("TaskFailed", {"output": json.dumps({"decision_id": str(OURS)})}, Fate.OTHER_PARTY),
        ("TaskTimedOut", {"output": json.dumps({"decision_id": str(OURS)})}, Fate.EXPIRED),
    ],
)
def test_a_task_was_closed_by_the_decision_that_its_end_names(
    kind: str, details: dict[str, Any], fate: Fate, history: History, review: ReviewTask
) -> None:
    history.send()
    history.add(kind, **details)

    found = callback_evidence.ask(review, decision())

    assert found.fate == fate
    assert found.decision_id == (str(OURS) if fate == Fate.OURS else "")


def test_a_decision_that_the_end_names_is_not_ours_unless_it_was_asked_about(
    history: History, review: ReviewTask
) -> None:
    history.send()
    history.add("TaskSucceeded", output=json.dumps({"decision_id": str(OURS)}))

    for asked in (None, Decision(pk=UUID(int=0)), Decision(pk=UUID(int=2**128 - 1))):
        found = callback_evidence.ask(review, asked)
        assert (found.fate, found.decision_id) == (Fate.OTHER_PARTY, str(OURS))


def test_a_task_is_also_found_by_the_id_of_its_message(
    history: History, review: ReviewTask
) -> None:
    history.send("token-of-the-hidden", message_id=review.sqs_message_id)

    assert callback_evidence.ask(review).fate == Fate.OPEN


def test_a_review_without_a_message_id_is_not_found_by_a_message_without_one(
    history: History, review: ReviewTask
) -> None:
    history.send("token-of-the-hidden", message_id="")
    review.sqs_message_id = ""

    assert callback_evidence.ask(review).fate == Fate.UNKNOWN_TASK


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "no JSON",
        json.dumps({"QueueUrl": QUEUE_URL}),
        json.dumps({"QueueUrl": QUEUE_URL, "MessageBody": 5}),
        json.dumps({"QueueUrl": QUEUE_URL, "MessageBody": "text"}),
        json.dumps({"QueueUrl": QUEUE_URL, "MessageBody": {}}),
    ],
)
def test_a_task_that_sent_no_message_is_none(parameters: Any, history: History) -> None:
    history.add("TaskScheduled", parameters=parameters)

    assert list(callback_evidence.tasks_of(HERE, "arn")) == []


def test_a_message_that_was_sent_as_text_is_read_too(history: History) -> None:
    text = json.dumps({"taskToken": TOKEN})
    history.add("TaskScheduled", parameters=json.dumps({"MessageBody": text}))

    [task] = callback_evidence.tasks_of(HERE, "arn")

    assert (task.message, task.message_id, task.queue_url) == ({"taskToken": TOKEN}, "", "")
    assert task.fingerprint is not None


def test_the_tasks_of_an_execution_are_the_newest_first_each_with_what_it_sent(
    history: History,
) -> None:
    history.send("token-of-the-one", message_id="m-1")
    history.send("token-of-the-two", message_id="m-2")
    history.add("TaskScheduled", parameters=json.dumps({"MessageBody": {"orderId": "1"}}))

    bare, second, first = callback_evidence.tasks_of(HERE, "arn")

    assert (first.message["taskToken"], first.message_id, first.queue_url) == (
        "token-of-the-one",
        "m-1",
        QUEUE_URL,
    )
    assert (second.message["taskToken"], second.message_id) == ("token-of-the-two", "m-2")
    assert second.sent_at == BEGAN + timedelta(seconds=4)
    assert bare.fingerprint is None


def test_pages_are_read_until_the_task_is_found_and_no_further(
    history: History, review: ReviewTask
) -> None:
    history.page = 2
    history.add("ExecutionStarted")
    history.add("WaitStateEntered")
    history.send()

    assert callback_evidence.ask(review).fate == Fate.OPEN

    place = Place("us-east-1")
    arn = review.execution_arn
    assert history.reads == [(place, arn, None), (place, arn, "2")]


def test_all_pages_are_read_for_a_task_that_is_not_there(
    history: History, review: ReviewTask
) -> None:
    history.page = 2
    for _ in range(5):
        history.add("WaitStateEntered")

    assert callback_evidence.ask(review).fate == Fate.UNKNOWN_TASK

    assert [cursor for _, _, cursor in history.reads] == [None, "2", "4"]


def test_without_an_execution_arn_nothing_is_read(history: History, review: ReviewTask) -> None:
    review.execution_arn = ""

    assert callback_evidence.ask(review) == Evidence(Fate.NO_EXECUTION_ARN)
    assert history.reads == []


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (Answer(Proof.REFUSED, "ExecutionDoesNotExist"), Fate.HISTORY_GONE),
        (Answer(Proof.ACCESS_DENIED, "AccessDeniedException"), Fate.HISTORY_UNREADABLE),
        (Answer(Proof.REFUSED, "InvalidArn"), Fate.HISTORY_UNREADABLE),
        (Answer(Proof.INVALID_OUTPUT, "ValidationException"), Fate.HISTORY_UNREADABLE),
        (Answer(Proof.THROTTLED, "ThrottlingException"), Fate.NOT_NOW),
        (Answer(Proof.AMBIGUOUS, "ReadTimeoutError"), Fate.NOT_NOW),
        (Answer(Proof.NOT_SENT, "EndpointConnectionError"), Fate.NOT_NOW),
    ],
)
def test_why_a_history_cannot_be_read_is_the_fate(
    answer: Answer, fate: Fate, history: History, review: ReviewTask
) -> None:
    history.answer = answer

    assert callback_evidence.ask(review) == Evidence(fate, code=answer.code)
    assert not fate.is_closed


def test_beyond_our_own_limit_nothing_is_read(
    history: History, review: ReviewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, int]] = []

    def take(name: str, *, per_minute: int) -> None:
        taken.append((name, per_minute))
        raise Throttled(retry_after=1)

    monkeypatch.setattr(rate_limits, "take", take)

    assert callback_evidence.ask(review) == Evidence(Fate.NOT_NOW, code="OurOwnLimit")
    assert (taken, history.reads) == ([("histories:us-east-1", 300)], [])


def test_the_audit_trail_holds_what_is_known_and_no_more() -> None:
    assert Evidence(Fate.NO_EXECUTION_ARN).as_audit_data() == {
        "fate": "no_execution_arn",
        "event": 0,
        "event_kind": "",
        "event_at": "",
    }
    found = Evidence(Fate.OURS, 4, "TaskSucceeded", BEGAN, "code", str(OURS))
    assert found.as_audit_data() == {
        "fate": "ours",
        "event": 4,
        "event_kind": "TaskSucceeded",
        "event_at": "2026-01-01T00:00:00+00:00",
        "decision_found": str(OURS),
        "history_error": "code",
    }
