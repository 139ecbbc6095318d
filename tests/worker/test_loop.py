"""The loop without a broker: what is due leaves, with a wake-up or without, and a stop is obeyed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.arns import Place
from approvals.delivery import callbacks, executions
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, User
from approvals.models.choices import Outcome
from approvals.records import callback_leases, database_time, outbox
from approvals.worker import loop
from approvals.worker.pool import Pool
from tests import factories
from tests.factories import actor
from tests.races import at_once

pytestmark = pytest.mark.django_db


class Sent:
    """In place of SendTaskSuccess: keeps the outputs that were sent, and does something meanwhile."""

    def __init__(self) -> None:
        self.outputs: list[str] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def __call__(self, place: Place, token: str, output: str) -> Answer:
        self.outputs.append(output)
        self.meanwhile()
        return Answer(Proof.ACCEPTED)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Step Functions takes everything."""
    made = Sent()
    monkeypatch.setattr(stepfunctions, "send_task_success", made)
    return made


def approve(by: User, times: int = 1, undo_seconds: int = 0) -> None:
    for _ in range(times):
        request = DecisionRequest(undo_seconds=undo_seconds)
        decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(by), request=request)


def sweep(until: Callable[[], Any], seconds: float = 60) -> None:
    """Sweep in a thread until something holds; then stop and see that the thread ends."""
    stop = threading.Event()
    thread = threading.Thread(target=loop.sweep_forever, args=(stop,))
    thread.start()
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert until()


def states() -> set[str]:
    return set(OutboxEntry.objects.values_list("state", flat=True))


def test_what_is_due_is_delivered_and_what_can_still_be_undone_waits(
    alice: User, sent: Sent
) -> None:
    approve(alice, times=3)
    approve(alice, undo_seconds=10)

    assert loop.sweep_once() == 3
    assert sorted(OutboxEntry.objects.values_list("state", flat=True)) == ["settled"] * 3 + [
        "waiting"
    ]


def test_a_row_that_fails_in_an_unforeseen_way_keeps_its_lease_and_delays_no_other(
    alice: User, sent: Sent
) -> None:
    approve(alice, times=3)

    def stumble() -> None:
        if len(sent.outputs) == 1:
            raise RuntimeError("a bug")

    sent.meanwhile = stumble

    assert loop.sweep_once() == 2
    assert states() == {"sending", "settled"}
    OutboxEntry.objects.filter(state="sending").update(lease_until=Now() - timedelta(seconds=1))
    assert loop.sweep_once() == 1
    assert states() == {"settled"}


def test_rows_of_a_lane_this_version_does_not_know_never_make_the_loop_spin() -> None:
    factories.outbox_entry(
        OutboxEntry.Kind.START,
        factories.queue().pk,
        b"{}",
        not_before=database_time.now(),
    )

    OutboxEntry.objects.update(lane="webhooks")

    assert loop.sweep_once() == 0


@pytest.mark.django_db(transaction=True)
def test_a_lost_wake_up_is_delivered_by_the_worker_at_the_end_of_the_undo_window(
    alice: User, sent: Sent
) -> None:
    approve(alice, undo_seconds=1)
    began = time.monotonic()

    sweep(lambda: sent.outputs)

    assert 0.3 < time.monotonic() - began < 3
    assert states() == {"settled"}


@pytest.mark.django_db(transaction=True)
def test_a_stop_is_obeyed_between_two_slow_calls(
    alice: User, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "Pool", partial(Pool, threads=1))
    approve(alice, times=5)
    stop = threading.Event()
    sent.meanwhile = stop.set

    loop.sweep_forever(stop)

    assert len(sent.outputs) == 1
    assert states() == {"settled", "waiting"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_nothing_twice(alice: User, sent: Sent) -> None:
    approve(alice, times=40)
    sent.meanwhile = lambda: time.sleep(0.001)

    made = at_once([loop.sweep_once] * 4)

    assert sum(made) == len(sent.outputs) == len(set(sent.outputs)) == 40
    assert set(OutboxEntry.objects.values_list("state", "attempts")) == {("settled", 1)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("disk full"), ValueError("a bug")])
def test_what_cannot_even_be_leased_never_makes_the_loop_spin(
    alice: User, sent: Sent, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    approve(alice)
    tried: list[UUID] = []

    def broken(entry_id: UUID) -> None:
        tried.append(entry_id)
        raise error

    monkeypatch.setattr(callback_leases, "take", broken)

    began = time.monotonic()
    sweep(lambda: time.monotonic() - began > 1.5)

    assert 1 <= len(tried) <= 3


@pytest.mark.django_db(transaction=True)
def test_a_silent_lane_never_delays_another(
    alice: User, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(alice)
    hangs, started, over = threading.Event(), threading.Event(), threading.Event()

    def hang(_: outbox.Lease) -> None:
        hangs.set()
        over.wait(90)

    def beside_it() -> bool:
        """Whether a start was sent while the callback hangs; then it hangs no more."""
        if hangs.is_set() and started.is_set():
            over.set()
        return over.is_set()

    monkeypatch.setattr(callbacks, "send", hang)
    monkeypatch.setattr(executions, "send", lambda _: started.set() if hangs.wait(60) else None)
    monkeypatch.setattr(executions, "about", lambda _: {})
    factories.outbox_entry(
        OutboxEntry.Kind.START,
        factories.user("orders@example.com").pk,  # any row of the outbox needs just an id
        b"{}",
        not_before=database_time.now(),
    )

    sweep(beside_it)


@pytest.mark.django_db(transaction=True)
def test_the_loop_outlives_the_databases_absence(
    alice: User, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(alice)
    outages: list[int] = []
    due = outbox.due

    def flaky(lane: str, *, limit: int, but: Any) -> Any:
        if not outages:
            outages.append(1)
            connection.close()
            raise OperationalError("no database")
        return due(lane, limit=limit, but=but)

    monkeypatch.setattr(outbox, "due", flaky)
    monkeypatch.setattr(loop, "PAUSE_WITHOUT_DATABASE", 0.01)

    sweep(lambda: sent.outputs)

    assert states() == {"settled"}
