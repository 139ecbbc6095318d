"""Quarantine: operators replay, discard and reveal messages, each once, each on its audit chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection

from approvals import messages
from approvals.actions import intake, people, quarantine, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import (
    AlreadySettled,
    ApprovalsError,
    Invalid,
    KeyMissing,
    NotAllowed,
    NotFound,
)
from approvals.models import AuditEvent, QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.records import audit, audit_verification, idempotency, tokens, unit_of_work
from approvals.records.received_messages import Received
from tests import factories
from tests.canary import CANARY, assert_no_canary, everything_stored
from tests.factories import actor, message, received
from tests.races import at_once

pytestmark = pytest.mark.django_db
ORDERS = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"
SENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def olga(queue: ReviewQueue) -> User:
    """An operator."""
    made = factories.user("olga@example.com")
    people.grant_site(made, "operator", by=COMMAND_LINE)
    return made


def kept(queue: ReviewQueue, body: Any = None, **fields: Any) -> QuarantinedMessage:
    """A message in quarantine, of whatever reason it has."""
    arrival = received(body, **fields)
    intake.accept(queue, [Received(arrival.body, arrival.message_id, SENT)])
    return QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)


def shut_out(queue: ReviewQueue, **fields: Any) -> QuarantinedMessage:
    """A message that intake did not admit, in a queue that would admit it now."""
    list_only(queue, OTHERS)
    row = kept(queue, **fields)
    list_only(queue)
    return row


def list_only(queue: ReviewQueue, *arns: str) -> None:
    queues.save(queue.slug, {"state_machine_arns": list(arns)}, by=COMMAND_LINE)
    queue.refresh_from_db()


def replay(row: QuarantinedMessage, by: User | None = None, **more: Any) -> ReviewTask:
    return quarantine.replay(row.pk, by=actor(by, "api") if by else COMMAND_LINE, **more)


def discard(row: QuarantinedMessage, reason: str = "spam", by: User | None = None) -> Any:
    return quarantine.discard(row.pk, reason, by=actor(by, "api") if by else COMMAND_LINE)


def chain(row: QuarantinedMessage | ReviewTask) -> list[AuditEvent]:
    """The events of a row's chain, which must hold."""
    kind = "review" if isinstance(row, ReviewTask) else "quarantine"
    name = audit.chain_of(kind, row.pk)
    assert audit_verification.verify(name) == []
    return list(AuditEvent.objects.filter(chain=name).order_by("seq"))


def state(row: QuarantinedMessage) -> dict[str, Any]:
    return dict(QuarantinedMessage.objects.values().get(pk=row.pk))


def test_a_replayed_message_becomes_the_review_that_intake_would_have_made(
    queue: ReviewQueue, olga: User
) -> None:
    body = message(orderId="ORD-7", timeoutSeconds=600, priority=4, stateMachineArn=ORDERS)
    row = shut_out(queue, body=body)
    assert row.reason == "not_admitted"

    review = replay(row, olga)

    again = ReviewTask.objects.get()
    assert again == review
    assert (again.reference, again.priority, again.status) == ("ORD-7", 4, "pending")
    assert (again.sent_at, again.deadline_at) == (SENT, SENT + timedelta(minutes=10))
    assert (again.deadline_source, again.sqs_message_id) == ("message", row.sqs_message_id)
    raw = tokens.unseal(again.raw_body, row=again.pk, column="raw_body")
    assert json.loads(raw) == body
    token = tokens.unseal(again.sealed_token, row=again.pk, column="sealed_token")
    assert token.decode() == body["taskToken"]
    row.refresh_from_db()
    assert (row.replayed_as, row.replayed_by, row.origin) == (review, olga, "queue")


def test_both_chains_tell_of_a_replay(queue: ReviewQueue, olga: User) -> None:
    factories.review(queue)  # another one
    row = shut_out(queue)

    review = replay(row, olga)

    event = chain(row)[-1]
    assert (event.kind, event.actor, event.data["review"]) == (
        "message.replayed",
        olga,
        str(review.pk),
    )
    (arrival,) = chain(review)
    assert (arrival.kind, arrival.actor, arrival.surface) == ("review.received", olga, "api")
    assert (arrival.data["quarantined"], arrival.data["origin"]) == (str(row.pk), "queue")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{broken", "not JSON"),
        ('{"orderId": "1"}', "no taskToken"),
        ("half of \ud800", "not JSON"),
        (message(schemaVersion="2"), "schemaVersion"),
    ],
)
def test_what_still_cannot_be_read_is_refused_and_nothing_changes(
    body: Any, says: str, queue: ReviewQueue
) -> None:
    row = kept(queue, body)
    before = state(row)

    with pytest.raises(Invalid, match=says):
        replay(row)

    assert (state(row), len(chain(row))) == (before, 1)
    assert not ReviewTask.objects.exists()


def test_what_the_queue_does_not_admit_is_not_admitted_by_replay(queue: ReviewQueue) -> None:
    list_only(queue, OTHERS)
    row = kept(queue, stateMachineArn=ORDERS)

    with pytest.raises(Invalid, match=ORDERS) as refusal:
        replay(row)

    assert refusal.value.extra["reason"] == "not_admitted"
    assert not ReviewTask.objects.exists()


def test_a_conflict_never_becomes_a_second_review(queue: ReviewQueue) -> None:
    body = message()
    intake.accept(queue, [received(body)])
    row = kept(queue, body | {"orderId": "somebody else's"})

    with pytest.raises(Invalid, match=str(ReviewTask.objects.get().pk)):
        replay(row)

    assert (ReviewTask.objects.count(), state(row)["replayed_at"]) == (1, None)


def test_a_message_whose_own_body_has_become_a_review_is_settled_with_that_one(
    queue: ReviewQueue,
) -> None:
    body = message()
    row = shut_out(queue, body=body)
    intake.accept(queue, [received(body)])
    review = ReviewTask.objects.get()

    assert replay(row) == review

    assert chain(row)[-1].data == {"review": str(review.pk), "created": False}
    assert len(chain(review)) == 1


@pytest.mark.parametrize(("end", "says"), [(replay, "replayed already"), (discard, "discarded")])
@pytest.mark.parametrize("verb", [replay, discard])
def test_a_settled_message_stays_as_it_is(
    verb: Callable[..., Any], end: Callable[..., Any], says: str, queue: ReviewQueue
) -> None:
    row = shut_out(queue)
    end(row)
    before = state(row)

    with pytest.raises(AlreadySettled, match=says) as refusal:
        verb(row)

    assert (refusal.value.code, refusal.value.status) == ("already_settled", 409)
    assert (state(row), len(chain(row))) == (before, 2)
    assert ReviewTask.objects.count() == (end is replay)


def test_a_discarded_message_keeps_its_bytes_and_says_who_and_why(
    queue: ReviewQueue, olga: User
) -> None:
    row = kept(queue, "{broken")

    discarded = discard(row, "  sent by a test  ", olga)

    assert (discarded.discard_reason, discarded.discarded_by) == ("sent by a test", olga)
    assert state(row)["discarded_at"] is not None
    assert quarantine.reveal(row.pk, by=actor(olga, "api")) == b"{broken"
    assert [event.kind for event in chain(row)] == [
        "message.quarantined",
        "message.discarded",
        "message.revealed",
    ]


@pytest.mark.parametrize("reason", ["", " \n", "x" * 301, "nul \0", "half \ud800"])
def test_a_discard_needs_a_reason(reason: str, queue: ReviewQueue) -> None:
    row = kept(queue, "{broken")

    with pytest.raises(Invalid) as refusal:
        discard(row, reason)

    assert refusal.value.extra["pointer"] == "/reason"
    assert state(row)["discarded_at"] is None


def test_a_reason_has_up_to_300_characters(queue: ReviewQueue) -> None:
    assert discard(kept(queue, "{broken"), "x" * 300).discard_reason == "x" * 300


@pytest.mark.parametrize("body", ["half of \ud800\udfff", "nul \0", "\ufeff\r\n{", ""])
def test_the_bytes_are_revealed_as_they_came(body: str, queue: ReviewQueue) -> None:
    row = kept(queue, body)

    revealed = quarantine.reveal(row.pk, by=COMMAND_LINE)

    assert revealed.decode(errors="surrogatepass") == body


@pytest.mark.parametrize(
    "verb", [replay, discard, lambda row, by: quarantine.reveal(row.pk, by=actor(by, "api"))]
)
def test_only_an_operator_may(
    verb: Callable[..., Any], queue: ReviewQueue, lena: User, olga: User
) -> None:
    row = shut_out(queue)
    gone = QuarantinedMessage(pk=uuid4())

    for target in (row, gone):
        with pytest.raises(NotAllowed, match="operator"):
            verb(target, by=lena)
    with pytest.raises(NotFound):
        verb(gone, by=olga)
    assert (len(chain(row)), ReviewTask.objects.count()) == (1, 0)


def test_a_missing_key_refuses_and_settles_nothing(queue: ReviewQueue, settings: Any) -> None:
    row = shut_out(queue)
    settings.TOKEN_KEYS = {"other": bytes(32)}

    with pytest.raises(KeyMissing):
        replay(row)

    assert state(row)["replayed_at"] is None


def test_content_that_the_database_refuses_is_refused_in_a_sentence(queue: ReviewQueue) -> None:
    row = shut_out(queue, title="poison")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE approvals_reviewtask ADD CONSTRAINT no CHECK (title = '')")

    refusal = refused(lambda: replay(row))

    assert (type(refusal), refusal.extra["reason"]) == (Invalid, "not_storable")


def test_an_absent_database_is_no_verdict_on_the_message(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = shut_out(queue)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(unit_of_work, "insert_new", away)

    with pytest.raises(OperationalError):
        replay(row)


def test_a_parser_that_still_fails_is_told_without_the_body(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = shut_out(queue, taskToken=CANARY)

    def crash(body: str, *about: Any) -> Any:
        raise RecursionError(body)

    monkeypatch.setattr(messages, "parse", crash)

    with pytest.raises(Invalid, match="parser fails") as refusal:
        replay(row)
    intake.accept(queue, [received(taskToken=CANARY)])
    assert "RecursionError in crash, test_quarantine.py" in caplog.text
    assert_no_canary(caplog.text + refusal.value.message)


def test_an_idempotency_key_answers_the_second_request_with_the_same_review(
    queue: ReviewQueue, olga: User
) -> None:
    row = shut_out(queue)
    key = factories.idempotency_key()

    review = replay(row, olga, key=key)

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        replay(row, olga, key=key)
    assert earlier.value.result == review.pk


@pytest.mark.django_db(transaction=True)
def test_operators_and_pollers_at_the_same_moment_make_one_review() -> None:
    queue = factories.queue()
    body = message()
    rows = [shut_out(queue, body=body) for _ in range(2)]
    arrival = received(body)

    results = at_once(
        [lambda own=row: replay(own) for row in rows for _ in range(3)]
        + [lambda: intake.accept(queue, [arrival])]
    )

    review = ReviewTask.objects.get()
    assert [r for r in results if isinstance(r, ReviewTask)] == [review, review]
    assert sum(isinstance(r, AlreadySettled) for r in results) == 4
    assert {row.replayed_as_id for row in QuarantinedMessage.objects.all()} == {review.pk}
    assert len(chain(review)) == 1


def test_no_verb_shows_the_token(
    queue: ReviewQueue, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    first = message(taskToken=CANARY, title=CANARY)
    rows = [shut_out(queue, body=first), kept(queue, json.dumps(first)[:-1])]

    replay(rows[0])
    shown: list[str | bytes] = [refused(lambda: replay(rows[1])).message]
    discard(rows[1])

    shown += [str(state(row)) for row in rows] + [caplog.text, *capfd.readouterr()]
    for text in (*shown, everything_stored()):
        assert_no_canary(text)


def refused(verb: Callable[[], Any]) -> ApprovalsError:
    with pytest.raises(ApprovalsError) as refusal:
        verb()
    return refusal.value


def test_two_bodies_of_one_token_are_one_review_whichever_is_admitted(queue: ReviewQueue) -> None:
    list_only(queue, ORDERS)
    good = message(stateMachineArn=ORDERS)
    batch = [received(good | {"stateMachineArn": OTHERS}), received(good)]

    assert intake.accept(queue, batch) == intake.Taken(reviews=1, quarantined=1)

    row = QuarantinedMessage.objects.get()
    assert row.reason == "conflict"
    list_only(queue)
    assert type(refused(lambda: replay(row))) is Invalid


def test_an_unknown_message_is_not_found() -> None:
    nowhere: UUID = uuid4()
    for verb in (
        lambda: quarantine.replay(nowhere, by=COMMAND_LINE),
        lambda: quarantine.discard(nowhere, "spam", by=COMMAND_LINE),
        lambda: quarantine.reveal(nowhere, by=COMMAND_LINE),
    ):
        assert type(refused(verb)) is NotFound
