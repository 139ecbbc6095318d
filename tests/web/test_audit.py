"""The audit page: who sees it, what its filters find, and what its exports hold."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, credentials, decisions, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import database_time
from approvals.web import audit_search
from approvals.web.access import Access
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at

pytestmark = pytest.mark.django_db
PAGE, EXPORT = "/audit/", "/audit/export/"


@pytest.fixture
def auditor(desk: Desk) -> Client:
    """A browser in which an auditor has signed in."""
    person = factories.user("audrey@example.com")
    people.grant_site(person, "auditor", by=COMMAND_LINE)
    return desk(person)


def found(browser: Client, **filters: Any) -> str:
    """The page that these filters give."""
    response = browser.get(PAGE, filters)
    assert response.status_code == 200
    return response.content.decode()


def lines(browser: Client, **posted: Any) -> list[dict[str, Any]]:
    """The events of an export as JSON lines."""
    response = browser.post(EXPORT, {"format": "jsonl", **posted})
    assert response.status_code == 200, response.content
    return [json.loads(line) for line in response.getvalue().decode().splitlines()]


def test_only_those_who_may_inspect_see_it(desk: Desk, auditor: Client, alice: User) -> None:
    assert auditor.get(PAGE).status_code == 200
    assert desk(alice).get(PAGE).status_code == 403
    assert desk(alice).post(EXPORT, {"format": "csv"}).status_code == 403
    assert 'href="/audit/"' in auditor.get("/").content.decode()
    assert 'href="/audit/"' not in desk(alice).get("/").content.decode()


def test_an_event_shows_when_who_what_and_about_what(
    auditor: Client, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    people.grant(
        User.objects.get(email="audrey@example.com"), queue.slug, "viewer", by=COMMAND_LINE
    )

    html = found(auditor)

    assert "review.approved" in html
    assert alice.email in html
    assert at(review) in html
    event = AuditEvent.objects.get(kind="review.approved")
    assert f"{event.at:%Y-%m-%d %H:%M:%S}" in html


def test_a_change_is_shown_as_before_and_after(auditor: Client, queue: ReviewQueue) -> None:
    queues.save(queue.slug, {"undo_seconds": 30}, by=COMMAND_LINE)
    html = found(auditor, what="queue.changed")
    assert "10 → 30" in html
    assert '<details class="long" open><summary>1 change</summary>' in html


def test_a_role_in_place_of_another_is_shown_as_before_and_after(
    auditor: Client, queue: ReviewQueue, alice: User
) -> None:
    people.grant(alice, queue.slug, "lead", by=COMMAND_LINE)
    people.grant(alice, queue.slug, "lead", by=COMMAND_LINE)  # it was that already
    html = found(auditor, what="role.granted", about=f"user:{alice.pk}")
    assert html.count("reviewer → lead") == html.count(" → ") == 1


def test_a_list_of_two_is_no_change(auditor: Client, alice: User) -> None:
    for name in ("first", "second"):
        credentials.issue_token(alice, name, by=COMMAND_LINE)
    people.deactivate(alice, by=COMMAND_LINE)
    html = found(auditor, what="user.deactivated")
    assert "[&quot;first&quot;, &quot;second&quot;]" in html
    assert "→" not in html


def test_filters_narrow_by_person_kind_queue_and_subject(
    auditor: Client, queue: ReviewQueue, alice: User, bob: User
) -> None:
    other = factories.queue("refunds")
    mine, theirs, elsewhere = (
        factories.review(queue, orderId="MINE-1"),
        factories.review(queue),
        factories.review(other),
    )
    assignment.claim(mine.pk, by=actor(alice))
    assignment.claim(theirs.pk, by=actor(bob))

    def subjects(**filters: Any) -> set[str]:
        return {line["chain"] for line in lines(auditor, **filters)}

    named = {row: f"review:{row.pk}" for row in (mine, theirs, elsewhere)}
    assert subjects(who="ALICE@example.com") == {named[mine]}
    assert subjects(what="review.claimed") == {named[mine], named[theirs]}
    in_refunds = subjects(queue="refunds")
    assert named[elsewhere] in in_refunds
    assert f"queue:{other.pk}" in in_refunds
    assert not in_refunds & {named[mine], named[theirs]}
    assert subjects(about="MINE-1") == subjects(about=str(mine.pk)) == {named[mine]}
    assert subjects(about=named[theirs]) == {named[theirs]}
    assert subjects(about="no such reference") == set()


def test_without_times_the_last_day_is_searched(
    auditor: Client, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.review(queue)
    later = database_time.now() + timedelta(hours=25)
    monkeypatch.setattr(Access, "now", later)

    assert "No event matches" in found(auditor)
    since = (later - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert "review.received" in found(auditor, since=since)


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"since": "2025-01-01T00:00"}, "At most 93 days at once"),
        ({"since": "2026-02-02T00:00", "until": "2026-02-01T00:00"}, "after the end of the period"),
        ({"since": "soon"}, "Enter a valid date/time"),
        ({"what": "review.eaten"}, "Select a valid choice"),
    ],
)
def test_a_filter_that_cannot_be_used_says_why(
    auditor: Client, filters: dict[str, str], sentence: str
) -> None:
    assert sentence in found(auditor, **filters)
    assert auditor.post(EXPORT, {"format": "csv", **filters}).status_code == 422


@pytest.mark.parametrize(
    "times",
    [
        {"until": "0001-01-01T00:00"},
        {"since": "0001-01-01T00:00", "until": "0001-01-01T00:00"},
        {"since": "9999-12-31T23:59"},
        {"until": "9999-12-31T23:59"},
        {"until": "0001-01-01T00:00:00+23:59"},
        {"about": "order:1", "since": "9999-12-31T23:59:59-23:59"},
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_time_are_searched_or_refused(
    auditor: Client, times: dict[str, str], zone: str
) -> None:
    auditor.post("/settings/", {"time_zone": zone})
    assert auditor.get(PAGE, times).status_code == 200
    assert auditor.post(EXPORT, times).status_code in (200, 422)


def test_the_list_has_pages_and_few_statements(auditor: Client, queue: ReviewQueue) -> None:
    for _ in range(60):
        factories.review(queue)
    with CaptureQueriesContext(connection) as asked:
        html = found(auditor)
    assert html.count("review.received</code>") == 50
    assert 'rel="next"' in html
    assert len(asked) <= 8


def test_an_export_has_every_event_once_in_order_whatever_its_size(
    auditor: Client, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "CHUNK", 3)
    for _ in range(10):
        factories.review(queue)

    exported = lines(auditor, what="review.received")

    stored = AuditEvent.objects.filter(kind="review.received").order_by("at", "id")
    assert [line["hash"] for line in exported] == [bytes(event.hash).hex() for event in stored]
    assert exported[0]["data"] == stored[0].data


def test_an_export_is_recorded_and_its_cells_are_no_formulas(
    auditor: Client, queue: ReviewQueue
) -> None:
    factories.review(queue, orderId="=1+1")
    response = auditor.post(EXPORT, {"format": "csv", "what": "review.received"})
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')

    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))

    assert json.loads(rows[-1]["data"])["reference"] == "=1+1"
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    event = AuditEvent.objects.get(kind="trail.exported")
    assert event.data["filters"]["what"] == "review.received"
    assert auditor.get(EXPORT).status_code == 405
    assert auditor.post(EXPORT, {"format": "xlsx"}).status_code == 422


def test_the_links_of_its_rows_lead_to_pages_that_an_auditor_may_read(
    auditor: Client, queue: ReviewQueue, alice: User
) -> None:
    review = factories.review(queue)
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    links = set(re.findall(r'<td><a class="link" href="([^"]+)"', found(auditor)))
    assert links == set(), "reviews are read by those who have a role in their queue"

    audrey = User.objects.get(email="audrey@example.com")
    people.grant(audrey, queue.slug, "viewer", by=COMMAND_LINE)
    elsewhere = factories.review(factories.queue("refunds"))
    html = found(auditor)
    assert str(elsewhere.pk) in html
    assert set(re.findall(r'<td><a class="link" href="([^"]+)"', html)) == {at(review)}
    assert auditor.get(at(review)).status_code == 200


@pytest.mark.parametrize("filters", [{"queue": "manual-review"}, {"about": "MINE-1"}, {"who": "a"}])
def test_a_filtered_list_takes_few_statements_too(
    auditor: Client, queue: ReviewQueue, filters: dict[str, str]
) -> None:
    for _ in range(3):
        factories.review(queue, orderId="MINE-1")
    auditor.get(PAGE)
    with CaptureQueriesContext(connection) as asked:
        found(auditor, **filters)
    assert len(asked) <= 8, "\n".join(one["sql"][:230] for one in asked)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_is_read_as_it_is_sent_and_its_event_stands_first(
    auditor: Client, queue: ReviewQueue, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "CHUNK", 5)
    for _ in range(30):
        factories.review(queue)
    response: Any = auditor.post(EXPORT, {"format": kind, "what": "review.received"})
    assert response.streaming
    assert AuditEvent.objects.filter(kind="trail.exported").count() == 1
    pieces = iter(response.streaming_content)
    with CaptureQueriesContext(connection) as asked:
        for _line in range(4):
            next(pieces)
    assert len(asked) == 1
    assert len(list(pieces)) == 26 + (kind == "csv")
