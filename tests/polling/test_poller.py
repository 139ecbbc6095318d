"""Messages are received: nothing is deleted that is not durable, and nothing stops the poller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Unavailable
from approvals.gateways import sqs
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.polling import poller
from approvals.polling.poller import Budget
from tests import factories
from tests.gateways import wire
from tests.races import second_look

pytestmark = pytest.mark.django_db


class Sqs:
    """A queue of SQS in memory: what is not deleted with its latest receipt comes back."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.refuses: set[str] = set()
        self.refusal: Exception | None = None
        self.receives: list[str] = []
        self.deleted: list[str] = []
        self.before_delete: Callable[[], Any] = lambda: None
        self.after_receive: Callable[[], Any] = lambda: None

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.messages[f"m{len(self.messages)}"] = body

    def receive(self, region: str, url: str, *, wait_seconds: int, limit: int) -> list[sqs.Message]:
        self.receives.append(url)
        if self.refusal:
            raise self.refusal
        names = list(self.messages)[:limit]
        arrivals = [factories.received(self.messages[name]) for name in names]
        self.after_receive()
        return [
            sqs.Message(name, f"receipt of {name}", each.body, each.sent_at)
            for name, each in zip(names, arrivals, strict=True)
        ]

    def delete(self, region: str, url: str, messages: list[sqs.Message]) -> list[str]:
        self.before_delete()
        for each in messages:
            if each.message_id not in self.refuses:
                del self.messages[each.message_id]
                self.deleted.append(each.message_id)
        return [each.message_id for each in messages if each.message_id in self.refuses]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """An SQS queue in place of the gateway's two calls; pauses after a failure are short."""
    made = Sqs()
    monkeypatch.setattr(sqs, "receive", made.receive)
    monkeypatch.setattr(sqs, "delete", made.delete)
    monkeypatch.setattr(poller, "LONGEST_PAUSE", 0.01)
    return made


def body(**fields: Any) -> str:
    return factories.received(**fields).body


def poll(queue: ReviewQueue) -> int:
    return poller.poll_once(queue, wait_seconds=0)


def keep_polling(queue: ReviewQueue, until: Callable[[], Any]) -> None:
    """Poll in a thread until something holds; then stop and see that the thread ends."""
    stop = threading.Event()
    thread = threading.Thread(target=poller.poll_forever, args=(queue, stop, Budget(None)))
    thread.start()
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert until()


@pytest.mark.django_db(transaction=True)
def test_a_message_is_deleted_only_after_its_review_is_committed(
    queue: ReviewQueue, aws: Sqs
) -> None:
    aws.put(body(), "{broken")
    seen: list[Any] = []

    def look() -> None:
        with second_look() as other:
            seen.append(other.execute("SELECT count(*) FROM approvals_reviewtask").fetchone())
            seen.append(
                other.execute("SELECT count(*) FROM approvals_quarantinedmessage").fetchone()
            )
        seen.append(connection.in_atomic_block)

    aws.before_delete = look

    assert poll(queue) == 2
    assert (seen, aws.messages) == ([(1,), (1,), False], {})


def test_what_sqs_refuses_to_delete_is_logged_and_harmless_when_it_comes_again(
    queue: ReviewQueue, aws: Sqs, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put(body(), body())
    aws.refuses = {"m1"}

    assert (poll(queue), poll(queue)) == (2, 1)

    lines: list[Any] = [record.msg for record in caplog.records]
    refusals = [line for line in lines if line["event"] == "poll.delete_refused"]
    assert [line["messages"] for line in refusals] == [["m1"], ["m1"]]
    assert ReviewTask.objects.count() == 2


def test_unreadable_bodies_never_stop_the_poller(queue: ReviewQueue, aws: Sqs) -> None:
    aws.put("", "\ud800", body(), "[" * 100_000, '{"a":"' + '\\"' * 100_000, body(), "null")

    assert poller.poll_until_empty(queue, Budget(None)) == 7
    assert (ReviewTask.objects.count(), QuarantinedMessage.objects.count()) == (2, 5)
    assert aws.messages == {}


def test_the_budget_bounds_how_many_messages_are_taken(queue: ReviewQueue, aws: Sqs) -> None:
    aws.put(*(body() for _ in range(30)))
    budget = Budget(13)

    assert poller.poll_until_empty(queue, budget) == 13
    assert (budget.left, len(aws.messages)) == (0, 17)


def test_without_a_database_nothing_is_deleted(
    queue: ReviewQueue, aws: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(body())

    def away(*_: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(connection, "cursor", away)
    with pytest.raises(OperationalError):
        poll(queue)

    assert (aws.deleted, len(aws.messages)) == ([], 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
def test_while_the_database_is_away_nothing_is_received_and_then_the_poller_goes_on_alone(
    error: type[Exception], queue: ReviewQueue, aws: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(body())
    attempts: list[int] = []
    find = ReviewQueue.objects.filter

    def flaky(**conditions: Any) -> Any:
        attempts.append(len(aws.receives))
        if len(attempts) <= 3:
            raise error("no database")
        return find(**conditions)

    monkeypatch.setattr(ReviewQueue.objects, "filter", flaky)

    keep_polling(queue, lambda: not aws.messages)

    assert attempts[:4] == [0, 0, 0, 0]
    assert ReviewTask.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_cut_is_replaced(queue: ReviewQueue, aws: Sqs) -> None:
    cuts: list[int] = []

    def cut() -> None:
        if aws.messages and not cuts:
            with second_look() as other:
                cuts.append(1)
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND datname = current_database() AND query LIKE '%approvals_reviewqueue%'"
                )

    aws.put(body())
    aws.after_receive = cut
    connection.close()

    keep_polling(queue, lambda: cuts and not aws.messages)

    assert ReviewTask.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sqs_away_is_waited_out(queue: ReviewQueue, aws: Sqs) -> None:
    aws.put(body())
    aws.refusal = Unavailable("no answer")
    threading.Timer(0.1, setattr, (aws, "refusal", None)).start()

    keep_polling(queue, lambda: not aws.messages)

    assert len(aws.receives) >= 2


@pytest.mark.django_db(transaction=True)
def test_an_unforeseen_failure_is_waited_out(queue: ReviewQueue, aws: Sqs) -> None:
    aws.put(body())
    aws.refusal = ValueError("unforeseen")
    threading.Timer(0.1, setattr, (aws, "refusal", None)).start()

    keep_polling(queue, lambda: not aws.messages)

    assert len(aws.receives) >= 2


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_changed_is_polled_as_it_is_now_and_a_disabled_one_no_more(
    queue: ReviewQueue, aws: Sqs
) -> None:
    moved = "https://sqs.us-east-1.amazonaws.com/123456789012/moved"
    changed = {"sqs_url": moved, "timeout_seconds": 77}

    def change() -> None:
        if not aws.messages and len(aws.receives) == 1:
            queues.save(queue.slug, changed, by=COMMAND_LINE)
            aws.put(body(timeoutSeconds=None))

    aws.after_receive = change
    keep_polling(queue, lambda: aws.deleted)
    assert aws.receives[1] == moved
    review = ReviewTask.objects.get()
    assert (review.deadline_at - review.sent_at).total_seconds() == 77

    queues.save(queue.slug, {"enabled": False}, by=COMMAND_LINE)
    poller.poll_forever(queue, threading.Event(), Budget(None))


@pytest.mark.django_db(transaction=True)
def test_all_enabled_queues_are_polled_by_as_many_threads_as_asked_for(aws: Sqs) -> None:
    for slug in ("one", "two"):
        factories.queue(slug)
    factories.queue("three", enabled=False)
    stop = threading.Event()
    names: set[str] = set()
    aws.after_receive = lambda: names.add(threading.current_thread().name)
    threading.Timer(0.5, stop.set).start()

    poller.poll_queues([], stop, threads=2, budget=Budget(None))

    assert names == {"poll-one", "poll-two"}
    assert {url.rsplit("/", 1)[1] for url in aws.receives} == {"one", "two"}


@pytest.mark.django_db(transaction=True)
def test_sigterm_ends_the_real_process_soon_even_while_sqs_is_silent(queue: ReviewQueue) -> None:
    parameters = connection.get_connection_params()
    address = "postgres://{user}@{host}:{port}/{dbname}".format(**parameters)
    with wire.answering(wire.SILENCE) as server:
        queues.save(queue.slug, {"sqs_url": f"{server.url}/1/q"}, by=COMMAND_LINE)
        environment = os.environ | {"AWS_ENDPOINT_URL": server.url, "DATABASE_URL": address}
        command = [sys.executable, "manage.py", "poll_queue", "--queue", queue.slug]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.requests, "it never polled"
        process.send_signal(signal.SIGTERM)
        threading.Timer(1, server.over.set).start()

        assert process.wait(60) == 0
