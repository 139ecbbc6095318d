"""Intake: a batch of messages becomes reviews and quarantined messages, each exactly once."""

from __future__ import annotations

import base64
import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection

from approvals import messages
from approvals.actions import intake
from approvals.models import AuditEvent, QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.records import audit, audit_verification, tokens
from approvals.records.received_messages import Received
from tests import factories
from tests.factories import message, received
from tests.races import at_once

pytestmark = pytest.mark.django_db
ORDERS = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"
AMOUNT_AND_CUSTOMER = [
    {"path": "input.total", "label": "Total", "kind": "money", "role": "amount"},
    {"path": "input.customer.name", "label": "Customer", "kind": "text", "role": "customer"},
]


def reasons() -> list[str]:
    return sorted(QuarantinedMessage.objects.values_list("reason", flat=True))


def test_a_message_becomes_a_pending_review_with_its_chain_begun(queue: ReviewQueue) -> None:
    arrival = received(message(orderId="ORD-7", priority=3))

    taken = intake.accept(queue, [arrival])

    review = ReviewTask.objects.get()
    assert taken == intake.Taken(reviews=1)
    assert (review.reference, review.status, review.priority) == ("ORD-7", "pending", 3)
    assert (review.error_name, review.error_cause) == ("FraudSuspected", "The card is new here.")
    chain = audit.chain_of("review", review.pk)
    event = AuditEvent.objects.get(chain=chain)
    assert (event.seq, event.kind, event.actor_name) == (1, "review.received", "system")
    assert event.data["raw_body_sha256"] == bytes(review.raw_body_sha256).hex()
    assert audit_verification.verify(chain) == []


def test_raw_body_and_token_are_kept_sealed_and_the_payload_without_token(
    queue: ReviewQueue,
) -> None:
    body = message(note="callback for token-xyz-0123456789", taskToken="token-xyz-0123456789")
    intake.accept(queue, [received(body)])

    review = ReviewTask.objects.get()

    assert tokens.unseal(review.sealed_token, row=review.pk, column="sealed_token") == (
        b"token-xyz-0123456789"
    )
    raw = tokens.unseal(review.raw_body, row=review.pk, column="raw_body")
    assert json.loads(raw) == body
    assert review.payload["taskToken"] == "[task token]"
    assert review.payload["note"] == "callback for [task token]"


def test_the_same_message_again_is_a_duplicate_and_writes_nothing(queue: ReviewQueue) -> None:
    arrival = received()
    again = Received(arrival.body, "another delivery", arrival.sent_at)

    assert intake.accept(queue, [arrival, arrival]) == intake.Taken(reviews=1, duplicates=1)
    assert intake.accept(queue, [again]) == intake.Taken(duplicates=1)
    assert AuditEvent.objects.filter(chain__startswith="review:").count() == 1


def test_the_same_token_with_another_body_is_quarantined_as_a_conflict(queue: ReviewQueue) -> None:
    body = message()
    intake.accept(queue, [received(body)])

    taken = intake.accept(queue, [received(body | {"orderId": "somebody else's"})])

    kept = QuarantinedMessage.objects.get()
    assert taken == intake.Taken(quarantined=1)
    assert kept.reason == "conflict"
    assert str(ReviewTask.objects.get().pk) in kept.explanation
    assert audit_verification.verify(audit.chain_of("quarantine", kept.pk)) == []


def test_a_conflict_inside_one_batch_keeps_the_first_that_came(queue: ReviewQueue) -> None:
    body = message(orderId="first")
    batch = [received(body), received(body | {"orderId": "second"})]

    assert intake.accept(queue, batch) == intake.Taken(reviews=1, quarantined=1)
    assert ReviewTask.objects.get().reference == "first"


def test_what_cannot_be_read_is_quarantined_whole_and_once(queue: ReviewQueue) -> None:
    arrival = received("{half a message \ud800")

    assert intake.accept(queue, [arrival]) == intake.Taken(quarantined=1)
    assert intake.accept(queue, [arrival]) == intake.Taken()

    kept = QuarantinedMessage.objects.get()
    raw = tokens.unseal(kept.raw_body, row=kept.pk, column="raw_body")
    assert raw.decode(errors="surrogatepass") == arrival.body
    assert (kept.reason, kept.sqs_message_id) == ("not_json", arrival.message_id)


def test_a_crash_of_the_parser_quarantines_and_the_line_goes_on(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = messages.parse

    def crash(body: str, *about: Any) -> Any:
        if "poison" in body:
            raise MemoryError
        return parse(body, *about)

    monkeypatch.setattr(messages, "parse", crash)

    taken = intake.accept(queue, [received(title="poison"), received()])

    assert taken == intake.Taken(reviews=1, quarantined=1)
    assert reasons() == ["parser_failed"]


@pytest.mark.parametrize("poison", [ValueError, OverflowError, TypeError, RecursionError])
def test_a_row_nobody_can_build_is_quarantined_and_the_others_are_kept(
    poison: type[Exception], queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted = ReviewQueue.promoted

    def crash(self: ReviewQueue, payload: dict[str, Any]) -> Any:
        if payload.get("title") == "poison":
            raise poison
        return promoted(self, payload)

    monkeypatch.setattr(ReviewQueue, "promoted", crash)

    taken = intake.accept(queue, [received(), received(title="poison"), received("{")])

    assert taken == intake.Taken(reviews=1, quarantined=2)
    assert reasons() == ["not_json", "not_storable"]


def test_a_row_the_database_refuses_is_quarantined_and_the_others_are_kept(
    queue: ReviewQueue,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE approvals_reviewtask ADD CONSTRAINT no_poison CHECK (title <> 'poison')"
        )

    taken = intake.accept(queue, [received(), received(title="poison"), received()])

    assert taken == intake.Taken(reviews=2, quarantined=1)
    assert reasons() == ["not_storable"]


@pytest.mark.parametrize(
    ("stated", "seconds", "source"),
    [(60, 60, "message"), (None, 86_400, "default"), ("soon", 86_400, "default"),
     (99_999_999, 365 * 86_400, "message")],
)  # fmt: skip
def test_the_deadline_is_the_messages_or_the_queues_and_never_beyond_a_year(
    stated: Any, seconds: int, source: str, queue: ReviewQueue
) -> None:
    sent = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    body = json.dumps(message(timeoutSeconds=stated))

    intake.accept(queue, [Received(body, "m", sent)])

    review = ReviewTask.objects.get()
    assert review.deadline_at == sent + timedelta(seconds=seconds)
    assert review.deadline_source == source


@pytest.mark.parametrize(
    ("total", "amount"),
    [
        (812.5, Decimal("812.5")),
        ("19.99", Decimal("19.99")),
        (-0.0, Decimal(0)),
        ("1e-400", Decimal(0)),
        ("999999999999.99999", None),
        ("1e9999999999999999999999", None),
        ("NaN", None), ("-Infinity", None), ("12,50", None), (True, None), ({}, None), (10**60, None),
    ],
)  # fmt: skip
def test_amount_and_customer_are_promoted_where_fields_point(
    total: Any, amount: Decimal | None, queue: ReviewQueue
) -> None:
    queue.fields = [*AMOUNT_AND_CUSTOMER, "not a field", {"role": None}]
    order = {"total": total, "customer": {"name": "Grace Hopper"}}

    assert intake.accept(queue, [received(input=order)]) == intake.Taken(reviews=1)

    review = ReviewTask.objects.get()
    assert (review.amount, review.customer) == (amount, "Grace Hopper")


@pytest.mark.django_db(transaction=True)
def test_five_hundred_messages_delivered_twice_over_four_pollers_are_stored_once() -> None:
    queue = factories.queue()
    chance = random.Random(20_260)
    good = [received() for _ in range(400)]
    bad = [received(f"{{broken {number}") for number in range(100)]

    def shuffled() -> list[list[Received]]:
        deliveries = chance.sample(good + bad, 500)
        return [deliveries[at : at + 10] for at in range(0, 500, 10)]

    def poll(batches: list[list[Received]]) -> intake.Taken:
        return sum((intake.accept(queue, batch) for batch in batches), intake.Taken())

    pollers = [shuffled() for _ in range(4)]
    taken = at_once([partial(poll, batches) for batches in pollers])

    assert sum(taken, intake.Taken()) == intake.Taken(reviews=400, duplicates=1200, quarantined=100)
    assert (ReviewTask.objects.count(), QuarantinedMessage.objects.count()) == (400, 100)
    chains = AuditEvent.objects.filter(kind__in=["review.received", "message.quarantined"])
    assert chains.count() == 500


@pytest.mark.parametrize(
    ("listed", "named", "admitted"),
    [
        ([], "", True),
        ([], OTHERS, True),
        ([ORDERS], ORDERS, True),
        ([OTHERS, ORDERS], ORDERS, True),
        ([ORDERS], f"{ORDERS}:PROD", True),
        ([ORDERS], f"{ORDERS}:3", True),
        ([ORDERS], f"{ORDERS}/EachOrder", True),
        ([ORDERS], "", False),
        ([ORDERS], OTHERS, False),
        ([ORDERS], f"{ORDERS}-2", False),
        ([ORDERS], ORDERS.replace("us-east-1", "eu-west-1"), False),
        ([f"{ORDERS}:PROD"], f"{ORDERS}:PROD", True),
        ([f"{ORDERS}:PROD"], f"{ORDERS}:PROD2", False),
        ([f"{ORDERS}:PROD"], f"{ORDERS}:3", False),
        ([f"{ORDERS}:PROD"], ORDERS, False),
    ],
)
def test_a_queue_admits_the_state_machines_of_its_list_and_their_versions(
    listed: list[str], named: str, admitted: bool, queue: ReviewQueue
) -> None:
    queue = factories.queue(queue.slug, state_machine_arns=listed)

    taken = intake.accept(queue, [received(stateMachineArn=named or None)])

    assert (taken.reviews, taken.quarantined) == (admitted, not admitted)
    if not admitted:
        row = QuarantinedMessage.objects.get()
        assert row.reason == "not_admitted"
        assert (named or "No state machine") in row.explanation


def test_a_review_that_was_admitted_before_the_list_stays_one_and_its_copy_a_duplicate(
    queue: ReviewQueue,
) -> None:
    body = message(stateMachineArn=ORDERS)
    intake.accept(queue, [received(body)])
    queue = factories.queue(queue.slug, state_machine_arns=[OTHERS])

    assert intake.accept(queue, [received(body)]) == intake.Taken(duplicates=1)
    other = received(body | {"orderId": "other"})
    assert intake.accept(queue, [other]) == intake.Taken(quarantined=1)
    assert QuarantinedMessage.objects.get().reason == "conflict"


HALF_A_PAIR = '{"Records":[{"eventSource":"\\ud800","body":"not json"}]}'


def test_an_explanation_with_half_a_surrogate_pair_holds_up_no_other_message(
    queue: ReviewQueue,
) -> None:
    taken = intake.accept(queue, [received(HALF_A_PAIR), received(), received("junk")])

    assert taken == intake.Taken(reviews=1, quarantined=2)
    row = QuarantinedMessage.objects.get(explanation__contains="U+D800")
    assert row.reason == "not_json"


def test_a_refusal_the_database_refuses_is_kept_with_a_fixed_explanation(
    queue: ReviewQueue,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE approvals_quarantinedmessage ADD CONSTRAINT no_poison"
            " CHECK (reason <> 'not_json')"
        )

    taken = intake.accept(queue, [received("{broken"), received()])

    assert taken == intake.Taken(reviews=1, quarantined=1)
    row = QuarantinedMessage.objects.get()
    assert (row.reason, row.explanation) == ("not_storable", intake.NOT_STORABLE)


@pytest.mark.parametrize("source", ["\\u0000x", "\\ud800"])
def test_an_event_source_that_cannot_be_stored_costs_no_review(
    source: str, queue: ReviewQueue
) -> None:
    body = json.dumps(json.dumps(message()))
    arrival = received(f'{{"Records":[{{"eventSource":"{source}","body":{body}}}]}}')

    assert intake.accept(queue, [arrival]) == intake.Taken(reviews=1)
    assert "U+" in ReviewTask.objects.get().envelopes[1]


@pytest.mark.parametrize("cause", ['"a\\ud800"', '"a\\u0000"', '{"a\\ud800": 1}'])
def test_a_cause_whose_escapes_cannot_be_stored_costs_no_review(
    cause: str, queue: ReviewQueue
) -> None:
    arrival = received(error=f'{{"Error": "X", "Cause": {cause}}}')

    assert intake.accept(queue, [arrival]) == intake.Taken(reviews=1)


def test_messages_that_unpack_to_megabytes_are_not_held_together(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    store = intake._store

    def spied(queue: ReviewQueue, readable: Any, refused: Any, origin: Any) -> intake.Taken:
        held.append(sum(item.request.characters for item in readable))
        return store(queue, readable, refused, origin)

    monkeypatch.setattr(intake, "_store", spied)
    filling = random.Random(7).randbytes(6_000).hex() + "x" * 880_000
    bodies = [message(taskToken=f"{n:032}", input=filling) for n in range(6)]
    packed = [
        base64.b64encode(gzip.compress(json.dumps(body).encode())).decode() for body in bodies
    ]
    assert max(map(len, packed)) < 15_000

    taken = intake.accept(queue, map(received, packed))

    assert taken == intake.Taken(reviews=6)
    assert max(held) < intake.MOST_HELD + 1_048_576
