"""The place of a call: the execution's own region if it is known, and the queue's role in any case."""

from __future__ import annotations

import pytest

from approvals.arns import Place
from approvals.models import ReviewQueue
from approvals.records import places
from tests import factories

pytestmark = pytest.mark.django_db
ROLE = "arn:aws:iam::210987654321:role/answers"


@pytest.fixture
def theirs() -> ReviewQueue:
    """A queue that is read and answered as a role."""
    return factories.queue("theirs", region="eu-central-1", role_arn=ROLE)


def test_a_queue_is_read_in_its_region_as_its_role(theirs: ReviewQueue) -> None:
    assert places.of_queue(theirs) == Place("eu-central-1", ROLE)


def test_a_review_is_answered_in_the_region_of_its_execution(theirs: ReviewQueue) -> None:
    arn = "arn:aws:states:us-west-2:210987654321:execution:orders:order-1"

    assert places.of_review(factories.review(theirs, executionArn=arn)) == Place("us-west-2", ROLE)


@pytest.mark.parametrize("arn", ["", "order-1", "arn:aws:states::210987654321:execution:x:y"])
def test_without_an_execution_arn_it_is_the_region_of_the_queue(
    arn: str, theirs: ReviewQueue
) -> None:
    review = factories.review(theirs, executionArn=arn)

    assert places.of_review(review) == Place("eu-central-1", ROLE)
