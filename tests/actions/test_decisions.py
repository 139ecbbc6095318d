"""Deciding: who may, who is first, under which claims and deadlines, and what is frozen then."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from approvals.actions import assignment, decisions, queues
from approvals.actions.decisions import DecisionRequest
from approvals.actors import COMMAND_LINE
from approvals.exceptions import (
    AlreadyDecided,
    ClaimedByAnother,
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from approvals.models import AuditEvent, Decision, OutboxEntry, ReviewQueue, ReviewTask, User, Vote
from approvals.models.choices import Outcome
from approvals.records import audit, audit_verification
from tests import factories
from tests.factories import actor
from tests.gateways import wire
from tests.races import at_once, while_another_commits

pytestmark = pytest.mark.django_db
A_MINUTE = timedelta(minutes=1)


def approve(review: ReviewTask, by: User, **fields: Any) -> ReviewTask:
    return decisions.decide(
        review.pk, Outcome.APPROVED, by=actor(by, "api"), request=DecisionRequest(**fields)
    )


def reject(review: ReviewTask, by: User, **fields: Any) -> ReviewTask:
    return decisions.decide(
        review.pk, Outcome.REJECTED, by=actor(by, "api"), request=DecisionRequest(**fields)
    )


def move(review: ReviewTask, **columns: Any) -> None:
    ReviewTask.objects.filter(pk=review.pk).update(**columns)


def assert_untouched(review: ReviewTask) -> None:
    stored = ReviewTask.objects.get(pk=review.pk)
    assert (stored.status, stored.decision, stored.version) == ("pending", None, review.version)
    assert not Vote.objects.exists()
    assert not Decision.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_a_decision_writes_vote_decision_outbox_and_audit_together(alice: User) -> None:
    review = approve(factories.review(), alice, reason=" Known customer ", reason_code="known")

    decision, vote, entry = Decision.objects.get(), Vote.objects.get(), OutboxEntry.objects.get()
    assert (review.status, review.decision, review.version) == ("approved", decision, 2)
    assert (vote.reason, decision.reason, decision.reason_code) == ("Known customer",) * 2 + (
        "known",
    )
    assert (entry.subject, bytes(entry.payload)) == (decision.pk, bytes(decision.callback))
    assert (entry.not_before, entry.delivery) == (decision.undo_until, ("waiting", "undo_window"))
    chain = audit.chain_of("review", review.pk)
    assert list(
        AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", "actor")
    ) == [
        ("review.received", None),
        ("review.approved", alice.pk),
    ]
    assert audit_verification.verify(chain) == []


@pytest.mark.parametrize("verb", [approve, reject])
def test_a_viewer_may_not_decide_and_somebody_without_a_role_finds_nothing(
    verb: Any, victor: User, carol: User, alice: User
) -> None:
    review = factories.review()

    with pytest.raises(NotAllowed):
        verb(review, victor)
    with pytest.raises(NotFound):
        verb(review, carol)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        verb(review, alice)  # `alice` was read before she was deactivated
    assert_untouched(review)


def test_a_role_taken_away_while_the_page_was_open_no_longer_decides(alice: User) -> None:
    review = factories.review()
    alice.memberships.all().delete()

    with pytest.raises(NotFound):
        approve(review, alice)


def test_the_second_reviewer_gets_already_decided_with_the_winner(alice: User, bob: User) -> None:
    review = approve(factories.review(), alice)

    with pytest.raises(AlreadyDecided) as refused:
        reject(review, bob)

    assert refused.value.extra["by"] == "alice@example.com"
    assert refused.value.extra["outcome"] == "approved"
    assert Decision.objects.count() == Vote.objects.count() == OutboxEntry.objects.count() == 1


def test_who_has_a_vote_on_an_open_review_casts_no_other_one_and_somebody_else_may(
    alice: User, bob: User
) -> None:
    for voter, another in ((alice, bob), (bob, alice)):
        review = factories.review()
        Vote.objects.create(review=review, reviewer=voter, outcome="approved", surface="web")

        with pytest.raises(AlreadyDecided, match="You have voted"):
            reject(review, voter)
        assert approve(review, another).status == "approved"


@pytest.mark.parametrize("status", ["expired", "superseded", "orphaned"])
def test_what_is_closed_cannot_be_decided(status: str, alice: User) -> None:
    review = factories.review()
    move(review, status=status)

    with pytest.raises(AlreadyDecided) as refused:
        approve(review, alice)

    assert refused.value.extra == {"status": status}


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_reviewers_at_once_one_wins_and_fifteen_learn_who(queue: ReviewQueue) -> None:
    people = [factories.user(f"r{n}@example.com", "reviewer", queue) for n in range(16)]
    review = factories.review()

    verbs = [(approve if place % 2 else reject, person) for place, person in enumerate(people)]
    results = at_once([partial(verb, review, who, undo_seconds=0) for verb, who in verbs])

    refusals = [each for each in results if isinstance(each, AlreadyDecided)]
    decision, entry = Decision.objects.get(), OutboxEntry.objects.get()
    assert len(refusals) == 15
    assert {each.extra.get("by") for each in refusals} == {decision.by.email}
    assert {each.extra.get("outcome") for each in refusals} == {decision.outcome}
    assert ReviewTask.objects.get().status == decision.outcome
    assert (entry.subject, bytes(entry.payload)) == (decision.pk, bytes(decision.callback))
    assert audit_verification.verify(audit.chain_of("review", review.pk)) == []


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_commits_while_a_decision_waits_for_the_row_still_holds(
    alice: User, bob: User
) -> None:
    review = factories.review()
    claims = (
        "UPDATE approvals_reviewtask SET assignee_id = %s, lease_id = gen_random_uuid(),"
        " lease_expires_at = now() + interval '10 minutes' WHERE id = %s"
    )

    refused = while_another_commits(claims, [bob.pk, review.pk], lambda: approve(review, alice))

    assert isinstance(refused, ClaimedByAnother)
    assert refused.extra == {"assignee": "bob@example.com"}


def test_a_deadline_of_the_message_refuses_once_it_has_passed(alice: User) -> None:
    review = factories.review()
    move(review, deadline_at=Now() - A_MINUTE)

    with pytest.raises(DeadlinePassed):
        approve(review, alice)

    assert_untouched(review)


def test_a_deadline_that_is_only_the_queues_default_is_still_tried(alice: User) -> None:
    review = factories.review(timeoutSeconds=None)
    move(review, deadline_at=Now() - A_MINUTE)

    assert approve(review, alice).status == "approved"


def test_ones_own_claim_decides_and_is_let_go_of(alice: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))

    decided = approve(review, alice, lease_id=review.lease_id, version=review.version)

    assert (decided.assignee, decided.lease_id, decided.lease_expires_at) == (None, None, None)


def test_a_claim_of_another_refuses_until_it_runs_out(alice: User, bob: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(bob))

    with pytest.raises(ClaimedByAnother) as refused:
        approve(review, alice)
    assert refused.value.extra == {"assignee": "bob@example.com"}

    move(review, lease_expires_at=Now() - timedelta(seconds=1))
    assert approve(review, alice).status == "approved"


def test_a_lease_that_was_lost_to_a_newer_one_of_ones_own_refuses(alice: User) -> None:
    review = factories.review()
    first = assignment.claim(review.pk, by=actor(alice, "api")).lease_id
    assignment.release(review.pk, by=actor(alice, "api"))
    assignment.claim(review.pk, by=actor(alice))

    for lease in (first, UUID(int=2**128 - 1)):
        with pytest.raises(ClaimedByAnother):
            approve(review, alice, lease_id=lease)


def test_a_lease_that_has_run_out_does_not_count_where_it_is_given(alice: User) -> None:
    review = factories.review()
    first = assignment.claim(review.pk, by=actor(alice, "api")).lease_id
    move(review, lease_expires_at=Now() - timedelta(seconds=1))

    with pytest.raises(ClaimedByAnother) as refusal:
        approve(review, alice, lease_id=first)

    assert refusal.value.extra == {"assignee": None}
    assert approve(review, alice).status == "approved"


def test_only_a_lead_overrides_a_claim_and_the_trail_says_whose(
    alice: User, bob: User, lena: User
) -> None:
    review = assignment.claim(factories.review().pk, by=actor(bob))

    with pytest.raises(NotAllowed):
        approve(review, alice, override=True)
    approve(review, lena, override=True)

    event = AuditEvent.objects.get(kind="review.approved")
    assert event.data["overridden"] == "bob@example.com"


def test_a_lead_who_overrides_decides_what_nobody_holds_and_the_trail_names_nobody(
    lena: User,
) -> None:
    review = factories.review()
    first = assignment.claim(review.pk, by=actor(lena, "api")).lease_id
    move(review, lease_expires_at=Now() - timedelta(seconds=1))

    assert approve(review, lena, override=True, lease_id=first).status == "approved"

    assert "overridden" not in AuditEvent.objects.get(kind="review.approved").data


def test_a_newer_claim_of_ones_own_is_overridden_without_being_a_lead(alice: User) -> None:
    review = factories.review()
    first = assignment.claim(review.pk, by=actor(alice, "api")).lease_id
    assignment.release(review.pk, by=actor(alice, "api"))
    assignment.claim(review.pk, by=actor(alice))

    assert approve(review, alice, override=True, lease_id=first).status == "approved"

    assert "overridden" not in AuditEvent.objects.get(kind="review.approved").data


@pytest.mark.parametrize("version", [1, 3])
def test_a_stale_version_refuses_and_names_the_present_one(version: int, alice: User) -> None:
    review = assignment.claim(factories.review().pk, by=actor(alice))

    with pytest.raises(StaleVersion) as refused:
        approve(review, alice, version=version)

    assert refused.value.extra == {"version": 2}


def test_edits_are_refused_without_a_schema_and_with_a_rejection(alice: User) -> None:
    review = factories.review()

    with pytest.raises(Invalid) as refused:
        approve(review, alice, edits={"amount": 5})
    assert refused.value.extra == {"pointer": "/edits"}

    queues.save("manual-review", {"output_schema": {"type": "object"}}, by=COMMAND_LINE)
    with pytest.raises(Invalid):
        reject(review, alice, edits={"amount": 5})
    assert_untouched(review)


SCHEMA = {
    "type": "object",
    "properties": {"a/b~c": {"type": "array", "items": {"type": "number"}}},
}


def test_edits_that_break_the_schema_are_refused_with_a_pointer(alice: User) -> None:
    queues.save("manual-review", {"output_schema": SCHEMA}, by=COMMAND_LINE)
    review = factories.review()

    with pytest.raises(Invalid) as refused:
        approve(review, alice, edits={"a/b~c": [1, "two"]})

    assert refused.value.extra == {"pointer": "/edits/a~1b~0c/1"}
    approve(review, alice, edits={"a/b~c": [1, 2.5]})
    assert json.loads(json.loads(bytes(Decision.objects.get().callback))["output"])["edits"] == {
        "a/b~c": [1, 2.5]
    }


def test_a_schema_that_refers_elsewhere_fetches_nothing_and_takes_no_edits(alice: User) -> None:
    with wire.answering((200, {"type": "object"})) as server:
        schema = {"$ref": f"{server.url}/schema.json"}
        with pytest.raises(Invalid, match="refers"):
            queues.save("manual-review", {"output_schema": schema}, by=COMMAND_LINE)
        # A release before this one took such a schema.
        ReviewQueue.objects.update(output_schema=schema)
        with pytest.raises(Invalid, match="cannot be applied"):
            approve(factories.review(), alice, edits={"a": 1})

    assert server.requests == []


DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "poison",
    ["\0", "\ud800", float("inf"), float("nan"), 10**500, {"\0": 1}, ["\udfff"], DEEP],
    ids=["nul", "surrogate", "infinity", "nan", "long-number", "nul-key", "in-a-list", "deep"],
)
def test_edits_the_database_cannot_keep_are_invalid_and_no_server_error(
    poison: Any, alice: User
) -> None:
    queues.save("manual-review", {"output_schema": {"type": "object"}}, by=COMMAND_LINE)
    review = factories.review()

    with pytest.raises(Invalid) as refused:
        approve(review, alice, edits={"note": poison})

    assert refused.value.extra["pointer"].startswith("/edits")
    assert_untouched(review)


@pytest.mark.parametrize(
    "fields",
    [{"reason": "x" * 32_769}, {"reason": "a\0b"}, {"reason": "\ud800"}, {"reason_code": "c" * 65}],
)
def test_a_reason_that_cannot_be_kept_is_invalid(fields: dict[str, str], alice: User) -> None:
    review = factories.review()

    with pytest.raises(Invalid) as refused:
        reject(review, alice, **fields)

    assert refused.value.extra == {"pointer": f"/{next(iter(fields))}"}
    assert_untouched(review)
