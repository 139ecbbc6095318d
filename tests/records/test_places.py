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


def test_a_review_is_answered_in_the_region_of_an_execution_that_the_queues_list_names(
    theirs: ReviewQueue,
) -> None:
    machine = "arn:aws:states:us-west-2:210987654321:stateMachine:orders"
    listed = factories.queue("theirs", state_machine_arns=[f"{machine}:7"])
    arn = "arn:aws:states:us-west-2:210987654321:execution:orders:order-1"
    review = factories.review(listed, executionArn=arn, stateMachineArn=f"{machine}:7")

    assert places.of_review(review) == Place("us-west-2", ROLE)


def test_a_region_that_only_the_message_names_is_never_called(theirs: ReviewQueue) -> None:
    arn = "arn:aws:states:us-west-2:210987654321:execution:orders:order-1"

    review = factories.review(theirs, executionArn=arn)

    assert places.of_review(review) == Place("eu-central-1", ROLE)
    assert not places.is_asked_after(review)


@pytest.mark.parametrize(
    ("execution", "mismatch"),
    [
        ("eu-central-1:123456789012:execution:x:1", None),
        ("us-east-1:210987654321:execution:x:1", None),
        ("eu-central-1:123456789012:execution:x/map:1", None),
        ("us-west-2:123456789012:execution:x:1", "region"),
        ("eu-central-1:999999999999:execution:x:1", "account"),
        ("eu-central-1:123456789012:express:x:1:2", "not_an_execution"),
        ("eu-central-1:123456789012:execution:x", "not_an_execution"),
        ("eu-central-1::execution:x:1", "not_an_execution"),
    ],
)
def test_without_a_list_region_and_account_are_those_of_the_queue_its_url_and_its_role(
    execution: str, mismatch: str | None, theirs: ReviewQueue
) -> None:
    assert places.mismatch(theirs, f"arn:aws:states:{execution}") == mismatch


@pytest.mark.parametrize(
    ("execution", "mismatch"),
    [
        ("us-west-2:333333333333:execution:orders:1", None),
        ("us-west-2:333333333333:execution:orders/map:1", None),
        ("us-west-2:333333333333:execution:others:1", "state_machine"),
        ("us-west-2:444444444444:execution:orders:1", "account"),
        ("eu-west-3:333333333333:execution:orders:1", "region"),
        ("eu-central-1:210987654321:execution:orders:1", "state_machine"),
    ],
)
def test_with_a_list_the_state_machine_has_to_be_in_it(
    execution: str, mismatch: str | None, theirs: ReviewQueue
) -> None:
    machine = "arn:aws:states:us-west-2:333333333333:stateMachine:orders"
    theirs.state_machine_arns = [machine]

    assert places.mismatch(theirs, f"arn:aws:states:{execution}") == mismatch


def test_a_queue_whose_settings_name_no_account_takes_each() -> None:
    local = factories.queue("local", sqs_url="http://127.0.0.1:4566/queue/local")

    assert places.mismatch(local, "arn:aws:states:us-east-1:999999999999:execution:x:1") is None


@pytest.mark.parametrize("arn", ["", "order-1", "arn:aws:states::210987654321:execution:x:y"])
def test_without_an_execution_arn_it_is_the_region_of_the_queue(
    arn: str, theirs: ReviewQueue
) -> None:
    review = factories.review(theirs, executionArn=arn)

    assert places.of_review(review) == Place("eu-central-1", ROLE)
