"""Hints to open pages: sent after the commit, a queue each, several together."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from approvals.actions import assignment, escalation, queues
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
from approvals.records import live_hints
from tests import factories
from tests.factories import actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listening(settings: Settings) -> Iterator[psycopg.Connection]:
    """Hints are on, and a session of the database listens to them."""
    settings.LIVE_HINTS = True
    parameters = connection.get_connection_params()
    wanted = {
        name: parameters[name]
        for name in ("host", "port", "user", "password", "dbname")
        if parameters.get(name)
    }
    with psycopg.connect(autocommit=True, **wanted) as session:
        session.execute(f"LISTEN {settings.LIVE_CHANNEL}")
        yield session
    live_hints._begin_anew()


def heard(session: psycopg.Connection, seconds: float = 1.0) -> list[str]:
    """The queues that are named within so many seconds."""
    return [notice.payload for notice in session.notifies(timeout=seconds)]


def test_a_change_of_a_review_names_its_queue_within_a_second(
    listening: psycopg.Connection, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    assert heard(listening) == [str(queue.pk)]

    started = time.monotonic()
    assignment.claim(review.pk, by=actor(alice))

    assert [notice.payload for notice in listening.notifies(timeout=5, stop_after=1)] == [
        str(queue.pk)
    ]
    assert time.monotonic() - started < 1


def test_a_change_of_an_escalated_review_names_both_queues(
    listening: psycopg.Connection, queue: ReviewQueue, alice: User
) -> None:
    board = factories.queue("board")
    dora = factories.user("dora@example.com", "reviewer", board)
    queues.save(queue.slug, {"escalate_to": board}, by=COMMAND_LINE)
    review = factories.review(queue)
    escalation.escalate(review.pk, "For the board.", by=actor(alice))
    heard(listening, 0.5)

    assignment.claim(review.pk, by=actor(dora))

    named = [notice.payload for notice in listening.notifies(timeout=5, stop_after=2)]
    assert set(named) == {str(queue.pk), str(board.pk)}


def test_many_changes_are_few_notifications(
    listening: psycopg.Connection, queue: ReviewQueue
) -> None:
    for _ in range(20):
        live_hints.after_commit(queue.pk)
    assert heard(listening) == [str(queue.pk)]


def test_a_change_that_is_rolled_back_sends_no_notification(
    listening: psycopg.Connection, queue: ReviewQueue
) -> None:
    with transaction.atomic():
        live_hints.after_commit(queue.pk)
        transaction.set_rollback(True)
    assert heard(listening) == []


def test_without_the_setting_nothing_is_sent(
    listening: psycopg.Connection, settings: Settings, queue: ReviewQueue
) -> None:
    settings.LIVE_HINTS = False
    live_hints.after_commit(queue.pk)
    assert heard(listening) == []


def test_a_notification_that_the_database_refuses_is_lost_and_the_next_one_is_sent(
    listening: psycopg.Connection, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(live_hints, "_NOTIFY", "SELECT no_such_function(%s, %s)")
        live_hints.after_commit(queue.pk)
        assert heard(listening, 0.5) == []
    live_hints.after_commit(queue.pk)
    assert heard(listening) == [str(queue.pk)]
