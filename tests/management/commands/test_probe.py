"""`probe`: asks by a heartbeat whether the tokens of overdue reviews are still open."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db.models import F

from approvals.actions import lifecycle
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import ReviewQueue, ReviewTask
from tests import factories

pytestmark = pytest.mark.django_db


def overdue(queue: ReviewQueue) -> ReviewTask:
    """A review past its deadline that names no execution."""
    review = factories.review(queue, executionArn="")
    ReviewTask.objects.filter(pk=review.pk).update(deadline_at=F("sent_at"))
    return review


def run(*options: str) -> str:
    out = io.StringIO()
    call_command("probe", *options, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("proof", "code", "shown", "status"),
    [
        (Proof.CLOSED, "TaskTimedOut", "expired", "expired"),
        (Proof.ACCEPTED, "", "open", "unproved"),
    ],
)
def test_a_closed_token_is_the_proof_that_was_missing(
    proof: Proof,
    code: str,
    shown: str,
    status: str,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    review = overdue(queue)
    assert lifecycle.mark_unproved(review.pk)
    call_command("register_queue", queue.slug, "--probe", "on", stdout=io.StringIO())
    monkeypatch.setattr(stepfunctions, "send_task_heartbeat", lambda *_: Answer(proof, code))

    assert f"{review.pk}  {shown}" in run("--queue", queue.slug)

    review.refresh_from_db()
    assert review.status == status


def test_an_answer_that_proves_nothing_is_a_finding(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = factories.queue(queue.slug, probe_with_heartbeats=True)
    review = overdue(queue)
    refused = Answer(Proof.ACCESS_DENIED, "AccessDeniedException")
    monkeypatch.setattr(stepfunctions, "send_task_heartbeat", lambda *_: refused)

    with pytest.raises(SystemExit) as end:
        run(str(review.pk))

    assert end.value.code == 3
    review.refresh_from_db()
    assert review.status == "pending"


def test_a_queue_that_allows_no_probe_is_not_asked(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = overdue(queue)
    monkeypatch.setattr(stepfunctions, "send_task_heartbeat", None)

    assert "0 asked" in run("--queue", queue.slug)
    with pytest.raises(SystemExit):
        run(str(review.pk))
