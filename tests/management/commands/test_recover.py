"""`recover`: what differs line by line, and where an interrupted run goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from approvals.models import ReviewQueue, ReviewTask
from tests.fake_aws import FakeAws
from tests.management.command_line import ended, refused
from tests.waiting_reviews import take_in

pytestmark = pytest.mark.django_db(transaction=True)


def hours_ago(hours: int) -> str:
    """A time for `--since`."""
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def test_a_review_that_is_missing_is_made_again_and_named(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    arn = aws.start(machine, "order-1", {"order_id": "order-1"})

    code, output = ended("recover", "held", "--state-machine", machine, "--since", hours_ago(1))

    review = ReviewTask.objects.get(execution_arn=arn)
    difference, last = output.splitlines()
    assert code == 3
    assert difference.split("  ")[:2] == ["taken_in", arn]
    assert str(review.pk) in difference
    assert last == "1 executions looked into, 1 differences"


def test_what_agrees_is_one_line_of_json_and_no_finding(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    aws.start(machine, "order-1", {"order_id": "order-1"})
    take_in(held)

    code, output = ended("recover", "held", "--since", hours_ago(1), "--json")

    assert code == 0
    assert json.loads(output) == {"executions": 1, "differ": 0, "go_on_before": None}


def test_a_limit_leaves_the_rest_with_the_place_to_go_on(
    aws: FakeAws, held: ReviewQueue, machine: str
) -> None:
    for number in range(2):
        aws.start(machine, f"order-{number}", {"order_id": f"order-{number}"})
    take_in(held)

    code, output = ended("recover", "held", "--since", hours_ago(1), "--limit", "1")

    assert code == 3
    assert output.startswith("1 executions looked into, 0 differences; go on with --before 2")


def test_a_queue_without_machines_needs_one_named(held: ReviewQueue) -> None:
    assert "--state-machine" in refused("recover", "held", "--since", hours_ago(1))
    assert refused("recover", "nowhere", "--since", hours_ago(1)) == "No queue 'nowhere'."
