"""Review queues as verbs need them: found by slug, and versioned by the changes of their settings."""

from __future__ import annotations

import pytest
from django.db import transaction

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import NotFound
from approvals.models import ReviewQueue
from approvals.records import review_queues

pytestmark = pytest.mark.django_db


def test_a_queue_is_found_by_its_slug_and_an_unknown_one_is_named(queue: ReviewQueue) -> None:
    with transaction.atomic():
        assert review_queues.locked("manual-review", by=COMMAND_LINE).row == queue
        with pytest.raises(NotFound, match="No queue 'nowhere'"):
            review_queues.locked("nowhere", by=COMMAND_LINE)


def test_a_version_grows_with_changes_of_settings_alone(queue: ReviewQueue) -> None:
    made = review_queues.settings_version(queue.pk)
    queues.ask_check(queue.pk, by=COMMAND_LINE)
    assert review_queues.settings_version(queue.pk) == made

    queues.save(queue.slug, {"name": "Held orders"}, by=COMMAND_LINE)

    assert review_queues.settings_version(queue.pk) > made


def test_a_queue_without_events_has_version_0() -> None:
    unheard_of = ReviewQueue(slug="unheard-of")

    assert review_queues.settings_version(unheard_of.pk) == 0
