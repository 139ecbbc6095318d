"""What became of a decision when AWS's answer was lost: asked of the history, never guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from approvals.actions import decisions
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.polling import poller
from approvals.reconciliation import callback_evidence
from approvals.reconciliation.callback_evidence import Fate
from approvals.records import audit, audit_verification
from tests import factories
from tests.factories import actor
from tests.fake_aws import FakeAws, Fault
from tests.waiting_reviews import AT_ONCE, deliver, token_of

pytestmark = pytest.mark.django_db(transaction=True)


Waiting = Callable[..., ReviewTask]


@pytest.mark.parametrize("outcome", ["approved", "rejected"])
def test_a_reply_lost_after_it_was_applied_is_proved_by_the_history(
    aws: FakeAws, waiting: Waiting, ada: User, outcome: str
) -> None:
    aws.plan("SendTask*", [Fault.LOSE_REPLY_AFTER_APPLY])
    review = waiting()
    review = decisions.decide(review.pk, Outcome(outcome), by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(review).delivery == ("waiting", "retrying")
    assert deliver(review).delivery == ("delivered", "proved_by_history")
    assert aws.log.winner(token_of(aws, review)) == str(review.decision_id)
    assert aws.unfired() == []
    proved = AuditEvent.objects.get(kind="callback.delivered")
    assert (proved.data["fate"], proved.data["decision_found"]) == (
        "ours",
        str(review.decision_id),
    )
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


def test_a_token_that_somebody_else_answered_is_closed_elsewhere(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    review = waiting()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.answer(token_of(aws, review), output='{"approved": true}')
    assert deliver(review).delivery == ("closed_elsewhere", "other_party")


def test_a_token_that_timed_out_is_reported_as_too_late(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    review = waiting()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.expire(token_of(aws, review))
    assert deliver(review).delivery == ("closed_elsewhere", "expired")


def test_a_stopped_execution_is_reported_as_aborted(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    review = waiting()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.abort(review.execution_arn)
    assert deliver(review).delivery == ("closed_elsewhere", "aborted")


def test_without_an_execution_arn_nothing_is_claimed(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    review = waiting()
    ReviewTask.objects.filter(pk=review.pk).update(execution_arn="")
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.expire(token_of(aws, review))
    assert deliver(review).delivery == ("unconfirmed", "no_execution_arn")


def test_a_history_that_may_not_be_read_leaves_it_unconfirmed(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    aws.plan("SendTask*", [Fault.LOSE_REPLY_AFTER_APPLY])
    review = waiting()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    aws.hide_history(review.execution_arn)
    assert deliver(review, times=2).delivery == ("unconfirmed", "history_unreadable")


def test_a_history_that_is_gone_leaves_it_unconfirmed(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    aws.plan("SendTask*", [Fault.LOSE_REPLY_AFTER_APPLY])
    review = waiting()
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    deliver(review)
    aws.forget(review.execution_arn)
    assert deliver(review).delivery == ("unconfirmed", "history_gone")


def test_a_history_that_lags_is_asked_again_and_then_proves_it(
    aws: FakeAws, waiting: Waiting, ada: User
) -> None:
    aws.plan("SendTask*", [Fault.LOSE_REPLY_AFTER_APPLY])
    review = waiting()
    aws.lag_history(reads=2, execution=review.execution_arn)
    review = decisions.decide(review.pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(review, times=2).delivery == ("waiting", "retrying")
    calls = len(aws.log.calls("SendTaskSuccess"))
    assert deliver(review, times=2).delivery == ("delivered", "proved_by_history")
    assert len(aws.log.calls("SendTaskSuccess")) == calls  # it asked, it did not send again


def test_the_right_one_of_several_open_tokens_is_found_among_thousands_of_events(
    aws: FakeAws, held: ReviewQueue, ada: User
) -> None:
    machine = aws.machine(padding=1_500)
    arn = aws.start(machine, "wide")
    branches = [
        {"queue_url": held.sqs_url, "item_index": index, "state_name": "ManualReview"}
        for index in range(4)
    ]
    first, second, third, _ = aws.open_tasks(arn, branches, padding=1_200)
    poller.poll_once(held, wait_seconds=0)
    by_index = {r.item_index: r for r in ReviewTask.objects.filter(execution_arn=arn)}
    ours = decisions.decide(by_index[0].pk, Outcome.APPROVED, by=actor(ada, "api"), request=AT_ONCE)
    assert deliver(ours).delivery == ("delivered", "acknowledged")
    aws.expire(second, caught=True)
    aws.answer(third, output="{}")
    fates = [
        callback_evidence.ask(by_index[0], ours.decision).fate,
        *(callback_evidence.ask(by_index[index]).fate for index in (1, 2, 3)),
    ]
    assert fates == [Fate.OURS, Fate.EXPIRED, Fate.OTHER_PARTY, Fate.OPEN]
    assert aws.log.winner(first) == str(ours.decision_id)


def test_a_message_with_a_token_that_is_not_the_executions_is_no_task_of_it(
    aws: FakeAws, held: ReviewQueue, waiting: Waiting
) -> None:
    genuine = waiting()
    forged = factories.review(held, executionArn=genuine.execution_arn)
    assert callback_evidence.ask(forged).fate == Fate.UNKNOWN_TASK
    assert callback_evidence.ask(genuine).fate == Fate.OPEN
