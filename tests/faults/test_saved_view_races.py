"""Two who save, share or revoke a view at the same moment: the lock lets one after the other."""

from __future__ import annotations

from functools import partial

import pytest

from approvals.actions import people, saved_views
from approvals.actors import COMMAND_LINE, Actor
from approvals.models import AuditEvent, ReviewQueue, SavedView, User
from approvals.records import audit, audit_verification, locked_rows, review_queues, statements
from tests import factories
from tests.factories import actor
from tests.faults.test_api_races import together
from tests.faults.test_deferral_races import outcome_of

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


def test_a_view_is_shared_once_and_revoked_once(queue: ReviewQueue, lena: User) -> None:
    for number in range(ROUNDS):
        share = partial(
            outcome_of, saved_views.share, queue.slug, f"V{number}", "q=x", by=actor(lena)
        )
        assert sorted(together(share, share)) == ["done", "invalid"]
        view = SavedView.objects.get(name=f"V{number}")
        revoke = partial(outcome_of, saved_views.revoke, view.pk, by=actor(lena))
        assert sorted(together(revoke, revoke)) == ["done", "invalid"]
    events = AuditEvent.objects.filter(chain=audit.chain(queue), kind__startswith="queue.view_")
    assert events.count() == 2 * ROUNDS
    assert audit_verification.verify(audit.chain(queue)) == []


def test_a_view_of_orders_is_shared_once_and_revoked_once(queue: ReviewQueue) -> None:
    both = [factories.user(f"{name}@example.com") for name in ("olga", "otto")]
    for user in both:
        people.grant_site(user, "orders", by=COMMAND_LINE)
    orders = SavedView.Listing.ORDERS
    for number in range(ROUNDS):
        share = partial(outcome_of, saved_views.share, None, f"V{number}", "q=x", listing=orders)
        assert sorted(together(*(partial(share, by=actor(user)) for user in both))) == [
            "done", "invalid",
        ]  # fmt: skip
        view = SavedView.objects.get(name=f"V{number}")
        revoke = partial(outcome_of, saved_views.revoke, view.pk)
        assert sorted(together(*(partial(revoke, by=actor(user)) for user in both))) == [
            "done", "invalid",
        ]  # fmt: skip
    for user in both:
        assert audit_verification.verify(audit.chain(user)) == []


def test_a_person_never_has_more_views_than_allowed(
    queue: ReviewQueue, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MAX_OWN", 1)
    for _ in range(ROUNDS):
        both = [
            partial(outcome_of, saved_views.keep, queue.slug, name, "q=x", by=actor(alice))
            for name in ("A", "B")
        ]
        assert sorted(together(*both)) == ["done", "invalid"]
        view = SavedView.objects.get()
        delete = partial(outcome_of, saved_views.delete, view.pk, by=actor(alice))
        assert sorted(together(delete, delete)) == ["done", "not_found"]


def test_without_the_lock_of_the_queue_the_race_is_noticed(
    queue: ReviewQueue, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlocked(slug: str, *, by: Actor) -> object:
        found = ReviewQueue.objects.get(slug=slug)
        return locked_rows.row_with_facts(found, by=by)

    monkeypatch.setattr(review_queues, "locked", unlocked)
    for number in range(10 * ROUNDS):
        share = partial(
            outcome_of, saved_views.share, queue.slug, f"V{number}", "q=x", by=actor(lena)
        )
        try:
            if sorted(together(share, share)) != ["done", "invalid"]:
                return
        except Exception:  # noqa: BLE001  # a unique index refuses the second
            return
    pytest.fail("nobody noticed")


def test_without_the_lock_of_the_name_the_race_for_orders_is_noticed(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [factories.user(f"{name}@example.com") for name in ("olga", "otto")]
    for user in both:
        people.grant_site(user, "orders", by=COMMAND_LINE)
    monkeypatch.setattr(statements, "lock_name", lambda _name: None)
    share = partial(outcome_of, saved_views.share, None, listing=SavedView.Listing.ORDERS)
    for number in range(10 * ROUNDS):
        try:
            calls = [partial(share, f"V{number}", "q=x", by=actor(user)) for user in both]
            if sorted(together(*calls)) != ["done", "invalid"]:
                return
        except Exception:  # noqa: BLE001  # a unique index refuses the second
            return
    pytest.fail("nobody noticed")
