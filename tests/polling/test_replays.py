"""Replays of S3 pointers that the API and the admin site ask for, and a poller carries out."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection

from approvals.actions import intake, people, quarantine, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3
from approvals.models import AuditEvent, QuarantinedMessage, ReplayRequest, ReviewQueue, ReviewTask
from approvals.polling import poller, replays
from approvals.records import audit, audit_verification, failing_rows
from tests import canary, factories
from tests.admin.addresses import at
from tests.callers import Caller, refused
from tests.conditions import wait_until

pytestmark = pytest.mark.django_db
BODY = json.dumps({"taskToken": canary.CANARY, "orderId": "from S3"})
POINTER = json.dumps(
    ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "big", "s3Key": "k"}]
)
KEY = {"HTTP_IDEMPOTENCY_KEY": "once"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the object in S3 holds, or the refusal of S3."""
    found: dict[str, Any] = {"k": BODY.encode()}

    @contextmanager
    def opened(_place: Any, _bucket: str, key: str) -> Iterator[io.BytesIO]:
        assert not connection.in_atomic_block or connection.savepoint_ids == []
        if isinstance(found[key], Exception):
            raise found[key]
        yield io.BytesIO(found[key])

    monkeypatch.setattr(s3, "opened", opened)
    yield found
    failing_rows.FAILING.clear()


@pytest.fixture
def operator(call: Callable[..., Caller]) -> Caller:
    """A program of somebody who operates the service."""
    keeper = factories.user("operator@example.com")
    people.grant_site(keeper, "operator", by=COMMAND_LINE)
    return call(keeper)


def allow(queue: ReviewQueue, *buckets: str) -> None:
    queues.save(queue.slug, {"pointer_buckets": list(buckets)}, by=COMMAND_LINE)


@pytest.fixture
def message(queue: ReviewQueue) -> UUID:
    """A pointer that was refused, because its bucket was not allowed."""
    arrival = factories.received(POINTER)
    assert intake.accept(queue, [arrival]).quarantined == 1
    return QuarantinedMessage.objects.get().pk


def kinds(message: UUID) -> list[str]:
    found = AuditEvent.objects.filter(chain=f"quarantine:{message}").order_by("seq")
    return list(found.values_list("kind", flat=True))


def test_a_bucket_that_is_not_allowed_is_refused_at_once_and_asks_nobody(
    operator: Caller, message: UUID, store: dict[str, Any]
) -> None:
    refused(operator.post(f"quarantine/{message}/replay/"), 422, "invalid")

    assert not ReplayRequest.objects.exists()


def test_once_the_bucket_is_allowed_the_api_accepts_the_replay_and_a_poller_does_it(
    operator: Caller, queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")

    answer = operator.post(f"quarantine/{message}/replay/", **KEY)
    again = operator.post(f"quarantine/{message}/replay/", **KEY)
    other = operator.post(f"quarantine/{message}/replay/")

    assert [one.status_code for one in (answer, again, other)] == [202, 202, 202]
    assert answer.json()["state"] == "open"
    assert answer.json()["replay_asked_at"] == other.json()["replay_asked_at"] is not None
    assert replays.work_off() == 1
    shown = operator.get(f"quarantine/{message}/").json()
    assert (shown["state"], shown["replayed_by"]) == ("replayed", "operator@example.com")
    assert (shown["replay_asked_at"], shown["replay_refusal"]) == (None, "")
    assert ReviewTask.objects.get().reference == "from S3"
    assert kinds(message) == ["message.quarantined", "message.replay_asked", "message.replayed"]
    row = QuarantinedMessage.objects.get()
    assert audit_verification.verify(audit.chain(row)) == []
    assert replays.work_off() == 0


def test_why_it_made_no_review_is_shown_and_it_can_be_asked_for_again(
    operator: Caller, queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")
    store["k"] = b"{}"
    operator.post(f"quarantine/{message}/replay/")

    assert (replays.work_off(), replays.work_off()) == (1, 0)

    shown = operator.get(f"quarantine/{message}/").json()
    assert shown["state"] == "open"
    assert "no taskToken" in shown["replay_refusal"]
    store["k"] = BODY.encode()
    assert operator.post(f"quarantine/{message}/replay/").json()["replay_refusal"] == ""
    assert replays.work_off() == 1
    assert ReviewTask.objects.count() == 1
    assert kinds(message)[-3:] == [
        "message.replay_refused",
        "message.replay_asked",
        "message.replayed",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * 1_048_577, "more than 1048576 bytes"),
        (Invalid("s3://big/k is missing."), "is missing"),
    ],
    ids=["too large", "missing"],
)
def test_an_object_that_cannot_be_read_is_a_refusal(
    content: Any,
    words: str,
    operator: Caller,
    queue: ReviewQueue,
    message: UUID,
    store: dict[str, Any],
) -> None:
    allow(queue, "big")
    store["k"] = content
    operator.post(f"quarantine/{message}/replay/")

    replays.work_off()

    assert words in operator.get(f"quarantine/{message}/").json()["replay_refusal"]


def test_a_request_stays_while_s3_does_not_answer(
    operator: Caller, queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")
    store["k"] = Unavailable("S3 does not answer")
    operator.post(f"quarantine/{message}/replay/")

    assert replays.work_off() == 0

    failing_rows.FAILING.clear()
    store["k"] = BODY.encode()
    assert replays.work_off() == 1


def test_whoever_has_lost_the_right_meanwhile_replays_nothing(
    operator: Caller, queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")
    operator.post(f"quarantine/{message}/replay/")
    asker = ReplayRequest.objects.get().asked_by
    assert asker is not None
    people.grant_site(factories.user("other@example.com"), "operator", by=COMMAND_LINE)
    people.revoke_site(asker, "operator", by=COMMAND_LINE)

    assert replays.work_off() == 1

    assert ReplayRequest.objects.get().refusal
    assert not ReviewTask.objects.exists()


def test_a_message_that_is_settled_meanwhile_leaves_no_request(
    operator: Caller, queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")
    operator.post(f"quarantine/{message}/replay/")

    quarantine.discard(message, "Known.", by=COMMAND_LINE)

    assert not ReplayRequest.objects.exists()
    assert quarantine.refuse_replay(message, "x") is False
    assert replays.carry_out(message) is False


def test_the_admin_site_asks_a_poller_and_poll_queue_once_does_it(
    queue: ReviewQueue, message: UUID, store: dict[str, Any], client: Any
) -> None:
    oscar = factories.user("oscar@example.com")
    people.grant_site(oscar, "operator", by=COMMAND_LINE)
    client.force_login(oscar)
    allow(queue, "big")

    response = client.post(at("quarantinedmessage_replay"), {"id": [message]}, follow=True)

    assert "a poller reads its object in S3" in response.content.decode()
    page = client.get(at("quarantinedmessage_change", message)).content.decode()
    assert "waiting for a poller" in page
    queues.save(queue.slug, {"enabled": False}, by=COMMAND_LINE)
    call_command("poll_queue", "--once", stdout=io.StringIO())
    assert ReviewTask.objects.get().reference == "from S3"


def test_the_command_reads_the_object_itself(
    queue: ReviewQueue, message: UUID, store: dict[str, Any]
) -> None:
    allow(queue, "big")

    call_command("quarantine", "replay", str(message), stdout=io.StringIO())

    assert ReviewTask.objects.get().reference == "from S3"


@pytest.mark.django_db(transaction=True)
def test_a_running_poller_works_requests_off_until_it_is_stopped(
    operator: Caller,
    queue: ReviewQueue,
    message: UUID,
    store: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replays, "PAUSE", 0.05)
    allow(queue, "big")
    operator.post(f"quarantine/{message}/replay/")
    queues.save(queue.slug, {"enabled": False}, by=COMMAND_LINE)
    stop = threading.Event()

    def run() -> None:
        try:
            poller.poll_queues([], stop, threads=1, budget=poller.Budget(None))
        finally:
            connection.close()

    running = threading.Thread(target=run)
    running.start()
    try:
        wait_until(ReviewTask.objects.exists, what="the review")
    finally:
        stop.set()
        running.join()
