"""`close_unproved`: named reviews, or all of a queue."""

from __future__ import annotations

import io
import uuid

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from approvals.actions import lifecycle
from approvals.models import ReviewQueue, ReviewTask
from tests import factories

pytestmark = pytest.mark.django_db


def unproved(queue: ReviewQueue) -> ReviewTask:
    """An unproved review."""
    review = factories.review(queue, executionArn="")
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))
    assert lifecycle.mark_unproved(review.pk)
    return review


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("close_unproved", *options, stdout=out)
    return out.getvalue()


def test_the_reviews_of_a_queue_or_those_named_are_closed(queue: ReviewQueue) -> None:
    one, two, three = (unproved(queue) for _ in range(3))

    assert "1 closed, 0 not" in run(str(one.pk), "--reason", "old")
    assert "2 closed, 0 not" in run("--queue", queue.slug, "--reason", "old")

    assert set(ReviewTask.objects.values_list("status", flat=True)) == {"expired"}
    assert {one.pk, two.pk, three.pk} == set(ReviewTask.objects.values_list("pk", flat=True))


def test_what_was_not_closed_is_named_and_is_a_finding(queue: ReviewQueue) -> None:
    pending = factories.review(queue)

    with pytest.raises(SystemExit) as end:
        run(str(pending.pk), "--reason", "old")
    assert end.value.code == 3
    with pytest.raises(CommandError, match="No review"):
        run(str(uuid.uuid4()), "--reason", "old")
