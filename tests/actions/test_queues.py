"""Settings of queues: operators save them, and of two who save at once one is told."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, StaleVersion
from approvals.models import AuditEvent, ReviewQueue, User
from approvals.records import review_queues
from tests import factories, races
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_what_they_saw_at_once_one_is_refused() -> None:
    queue = factories.queue()
    seen = review_queues.settings_version(queue.pk)

    def save(name: str) -> Any:
        return queues.save(queue.slug, {"name": name}, by=COMMAND_LINE, expected=seen)

    outcomes = races.at_once([lambda: save("Left"), lambda: save("Right")])
    assert len([outcome for outcome in outcomes if isinstance(outcome, StaleVersion)]) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_queue_at_once_one_is_refused() -> None:
    factories.queue("one")
    under_way = "UPDATE approvals_reviewqueue SET slug = 'twin'"
    settings = {
        "region": "us-east-1",
        "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/refunds",
    }

    refusal = races.while_another_commits(
        under_way, [], lambda: queues.save("twin", settings, by=COMMAND_LINE)
    )

    assert isinstance(refusal, Invalid)
    assert "by somebody else just now" in refusal.message
    assert ReviewQueue.objects.count() == 1


def test_every_verb_asks_for_the_right_itself(alice: User, queue: ReviewQueue) -> None:
    me = actor(alice, "admin")
    before = AuditEvent.objects.count()
    for attempt in (
        lambda: queues.save("manual-review", {"name": "x"}, by=me),
        lambda: queues.save("brand-new", {"name": "x"}, by=me),
        lambda: queues.ask_check(queue.pk, by=me),
        lambda: queues.ask_unsaved_check({"slug": "brand-new"}, by=me),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert AuditEvent.objects.count() == before
