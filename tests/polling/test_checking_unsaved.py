"""Checks of connections before they are saved: only the newest settings get an answer, if need be by the loop."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from approvals.actions import people, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotAllowed
from approvals.gateways import sqs
from approvals.models import ConnectionCheck, User
from approvals.polling import checking
from approvals.worker import periodic
from tests.factories import actor

pytestmark = pytest.mark.django_db
SETTINGS = {
    "slug": "new", "sqs_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/new",
    "region": "eu-west-1", "role_arn": "", "state_machine_arns": [], "timeout_seconds": 3_600,
    "heartbeat_seconds": None,
}  # fmt: skip
FOUND = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:new", "FifoQueue": "true"}


@pytest.fixture
def operator(alice: User, monkeypatch: pytest.MonkeyPatch) -> User:
    """An operator, and an SQS that answers."""
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    monkeypatch.setattr(sqs, "attributes", lambda *_: FOUND)
    return alice


def test_the_findings_are_those_of_check_queue(operator: User) -> None:
    check = queues.ask_unsaved_check(SETTINGS, by=actor(operator))

    checking.check_unsaved(check.pk)

    check.refresh_from_db()
    said = [finding["what"] for finding in check.findings]
    assert any(text.startswith("A FIFO queue") for text in said)
    assert check.checked_at is not None


def test_an_answer_about_older_settings_is_not_stored(
    operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = queues.ask_unsaved_check(SETTINGS, by=actor(operator))

    def meanwhile(*_: object) -> dict[str, str]:
        newer = ConnectionCheck.objects.get().asked_at + timedelta(seconds=1)
        ConnectionCheck.objects.update(asked_at=newer)
        return FOUND

    monkeypatch.setattr(sqs, "attributes", meanwhile)
    checking.check_unsaved(check.pk)

    assert ConnectionCheck.objects.get().checked_at is None


def test_a_check_whose_wake_up_was_lost_is_made_by_the_loop(operator: User) -> None:
    queues.ask_unsaved_check(SETTINGS, by=actor(operator))
    assert periodic.check_queues() == 0
    ConnectionCheck.objects.update(asked_at=Now() - timedelta(minutes=1))

    assert periodic.check_queues() == 1
    assert periodic.check_queues() == 0


def test_a_person_has_one_check_and_only_operators_ask(operator: User, bob: User) -> None:
    first = queues.ask_unsaved_check(SETTINGS, by=actor(operator))
    checking.check_unsaved(first.pk)
    second = queues.ask_unsaved_check(SETTINGS | {"region": "eu-west-3"}, by=actor(operator))

    assert second.pk == first.pk
    row = ConnectionCheck.objects.get()
    assert (row.settings["region"], row.checked_at, row.findings) == ("eu-west-3", None, [])
    with pytest.raises(NotAllowed):
        queues.ask_unsaved_check(SETTINGS, by=actor(bob))
    checking.check_unsaved(uuid4())  # one that is gone
