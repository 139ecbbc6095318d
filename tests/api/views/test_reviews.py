"""Reviews over HTTP: what they look like, how they are found, and their audit trail."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.actions import assignment, decisions
from approvals.actions.decisions import DecisionRequest
from approvals.models import OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.models.outbox import Detail
from approvals.records import execution_snapshots, outbox
from tests import factories
from tests.api.review_documents import KEYS, expire_lease
from tests.callers import Caller, refused
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_pending_review_has_exactly_the_contracts_members(
    api: Caller, review: ReviewTask
) -> None:
    shown = api.get(f"reviews/{review.pk}/").json()

    assert list(shown) == KEYS
    assert (shown["id"], shown["queue"], shown["status"]) == (
        str(review.pk),
        "manual-review",
        "pending",
    )
    assert shown["error"] == {"name": "FraudSuspected", "cause": "The card is new here."}
    assert shown["payload"]["taskToken"] == "[task token]"
    assert shown["deadline_source"] == "message"
    assert [shown[name] for name in ("outcome", "delivery", "decision", "assignee")] == [None] * 4


def test_a_review_says_which_definition_its_execution_runs_where_that_is_known(
    api: Caller, alice: User
) -> None:
    named = factories.review(definitionRevision="orders-1f00")
    unnamed = factories.review()
    version = f"{named.state_machine_arn}:3"
    execution_snapshots.put_back(
        named.execution_arn, status="running", again_at=None, version_arn=version
    )
    execution_snapshots.put_back(
        named.execution_arn, status="failed", again_at=None
    )  # the next look

    shown = {row["id"]: row["definition"] for row in api.get("reviews/").json()["results"]}

    assert shown[str(named.pk)] == {"revision": "orders-1f00", "version_arn": version}
    assert shown[str(unnamed.pk)] == {"revision": None, "version_arn": None}


def test_a_decided_review_shows_its_decision_and_how_far_it_has_come(
    api: Caller, alice: User, review: ReviewTask
) -> None:
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))

    shown = api.get(f"reviews/{review.pk}/").json()

    assert (shown["status"], shown["outcome"]) == ("approved", "approved")
    assert list(shown["decision"]) == (
        ["id", "outcome", "by", "reason_code", "reason", "edits", "decided_at", "undo_until"]
    )
    assert shown["decision"]["by"] == "alice@example.com"
    assert shown["delivery"] == {
        "state": "waiting",
        "detail": "undo_window",
        "attempts": 0,
        "delivered_at": None,
    }


def test_only_a_proved_delivery_has_a_time(api: Caller, alice: User, review: ReviewTask) -> None:
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    entry = OutboxEntry.objects.get()

    factories.moved(entry, outbox.settled(Detail.EXPIRED))
    late = api.get(f"reviews/{review.pk}/").json()["delivery"]
    factories.moved(entry, outbox.settled(Detail.ACKNOWLEDGED))
    delivered = api.get(f"reviews/{review.pk}/").json()["delivery"]

    assert (late["state"], late["delivered_at"]) == ("closed_elsewhere", None)
    assert delivered["state"] == "delivered"
    assert delivered["delivered_at"]


def test_a_textbook_message_without_an_execution_shows_null(
    api: Caller, queue: ReviewQueue
) -> None:
    bare = {"taskToken": "t" * 40, "orderId": 7, "error": None}
    row = factories.review(queue, **dict.fromkeys(factories.message(), None) | bare)

    shown = api.get(f"reviews/{row.pk}/").json()

    assert (shown["execution_arn"], shown["reference"]) == (None, "7")
    assert shown["deadline_source"] == "default"


def test_the_list_holds_pending_reviews_by_deadline(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    late = factories.review(queue, timeoutSeconds=900)
    soon = factories.review(queue, timeoutSeconds=300)
    decisions.decide(factories.review(queue).pk, Outcome.APPROVED, by=actor(alice))

    page = api.get("reviews/").json()

    assert list(page) == ["results", "next", "previous"]
    assert [shown["id"] for shown in page["results"]] == [str(soon.pk), str(late.pk)]
    assert (page["next"], page["previous"]) == (None, None)


def test_filters_narrow_the_list(api: Caller, alice: User, bob: User, queue: ReviewQueue) -> None:
    plain = factories.review(queue, title="Lamp & co", orderId="A-1")
    urgent = factories.review(queue, priority=9, orderId="A-2", error="StockGone")
    gone = factories.review(queue, orderId="A-3")
    decisions.decide(gone.pk, Outcome.REJECTED, by=actor(bob))
    assignment.claim(plain.pk, by=actor(alice))

    def found(**query: str) -> list[str]:
        return [shown["reference"] for shown in api.get("reviews/", query).json()["results"]]

    assert found(reference="A-1") == ["A-1"]
    assert found(reference="A") == []
    assert found(assignee="me") == ["A-1"]
    assert found(assignee="nobody") == ["A-2"]
    assert found(q="lamp & CO") == ["A-1"]
    assert found(q="stockgone") == ["A-2"]
    assert found(q="%") == []
    assert found(status="rejected") == ["A-3"]
    assert sorted(found(status="rejected,pending")) == sorted(found(status="any"))
    assert found(ordering="-priority") == ["A-2", "A-1"]
    assert found(ordering="-received_at", status="any") == ["A-3", "A-2", "A-1"]
    assert found(queue="manual-review", assignee="me", q="", status="") == ["A-1"]
    assert found(queue="nowhere") == []
    assert urgent.reference in found()


def test_mine_ends_with_my_lease(api: Caller, alice: User, review: ReviewTask) -> None:
    assignment.claim(review.pk, by=actor(alice))
    expire_lease(review)

    assert api.get("reviews/", {"assignee": "me"}).json()["results"] == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"ordering": "password"}, "ordering"),
        ({"ordering": "assignee__password"}, "ordering"),
        ({"status": "nearly"}, "status"),
        ({"assignee": "bob@example.com"}, "assignee"),
        ({"page_size": "abc"}, "page_size"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "-1"}, "page_size"),
        ({"page_size": "201"}, "page_size"),
        ({"page_size": "1e9"}, "page_size"),
        ({"page_size": "9" * 2000}, "page_size"),
        ({"cursor": "abc"}, "cursor"),
        ({"q": "x" * 513}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"reference": "\0"}, "reference"),
        ({"queue\0": "x"}, "queue\0"),
        ({"statsu": "approved"}, "statsu"),
        ({"reference__regex": "(a+)+$"}, "reference__regex"),
        ({"queue": ["a", "b"]}, "queue"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(
    api: Caller, query: dict[str, Any], parameter: str
) -> None:
    problem = refused(api.get("reviews/", query), 422, "invalid")

    assert problem["parameter"] == parameter


def test_half_a_surrogate_in_a_parameter_is_no_accident(api: Caller) -> None:
    assert api.get("/api/v1/reviews/?q=%ED%A0%80&reference=%FF%FE").status_code == 200


def test_the_audit_trail_is_read_oldest_first_in_pages(api: Caller, review: ReviewTask) -> None:
    api.post(f"reviews/{review.pk}/claim/")
    api.post(f"reviews/{review.pk}/release/")

    first = api.get(f"reviews/{review.pk}/events/", {"page_size": 2}).json()
    second = api.get(first["next"]).json()

    events = first["results"] + second["results"]
    assert [event["kind"] for event in events] == [
        "review.received",
        "review.claimed",
        "review.released",
    ]
    assert [event["actor"] for event in events][1:] == ["alice@example.com"] * 2
    assert events[1]["surface"] == "api"
    assert [event["prev_hash"] for event in events[1:]] == [event["hash"] for event in events[:-1]]
    assert second["next"] is None


def test_a_list_shows_the_start_of_a_reason_and_no_long_edits(
    api: Caller, alice: User, queue: ReviewQueue
) -> None:
    queue = factories.queue(queue.slug, output_schema={"type": "object"})
    rows = {name: factories.review(queue) for name in ("short", "long")}
    for name, times in (("short", 1), ("long", 1_000)):
        wish = DecisionRequest(reason="Why? " * times, edits={"note": "ab" * times})
        decisions.decide(rows[name].pk, Outcome.APPROVED, by=actor(alice), request=wish)

    found = {
        row["id"]: row["decision"] for row in api.get("reviews/?status=approved").json()["results"]
    }
    short, long = (found[str(rows[name].pk)] for name in ("short", "long"))

    assert (short["reason"].strip(), short["edits"]) == ("Why?", {"note": "ab"})
    assert (len(long["reason"]), long["edits"]) == (1_000, None)
    whole = api.get(f"reviews/{rows['long'].pk}/").json()["decision"]
    assert (len(whole["reason"].strip()), len(whole["edits"]["note"])) == (4_999, 2_000)


def test_a_search_in_no_queue_finds_nothing(api: Caller, review: ReviewTask) -> None:
    found = api.get("reviews/?queue=nowhere&status=approved,rejected&q=ORD")

    assert (found.status_code, found.json()["results"]) == (200, [])
