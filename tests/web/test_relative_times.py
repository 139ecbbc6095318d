"""Times as the pages show them: one rounded unit, a direction, and the exact time beside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from approvals.actions import assignment, decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import Preference, ReviewQueue, User
from approvals.models.choices import Outcome
from approvals.records import database_time
from approvals.web.relative_times import age, countdown, local, relative_time
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at as page_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(12, "in 12 min"), (-12, "12 min ago"), (0, "0 s ago"), (-180, "3 h ago")],
)
def test_a_time_is_told_from_now_with_the_exact_one_beside(minutes: int, shown: str) -> None:
    at = NOON + timedelta(minutes=minutes)

    html = relative_time(at, NOON)

    assert f">{shown}</time>" in html
    assert f'datetime="{at.isoformat()}"' in html
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in html


def test_another_zones_time_is_shown_in_utc() -> None:
    at = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:00").tzinfo)

    assert 'title="2026-01-01 12:00:00 UTC"' in relative_time(at, NOON)


@pytest.mark.parametrize(
    "at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
)
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_a_time_at_the_end_of_the_calendar_is_shown_in_every_zone(at: datetime, zone: str) -> None:
    assert f"{at.day:02}" in local(at, ZoneInfo(zone), "Y-m-d H:i")


def test_what_has_lasted_has_no_direction() -> None:
    html = age(NOON - timedelta(hours=3), NOON)

    assert ">3 h</time>" in html
    assert 'title="since 2026-01-01 09:00:00 UTC"' in html


def test_a_countdown_has_whole_seconds_and_never_fewer_than_none() -> None:
    html = countdown(NOON + timedelta(seconds=4.7), NOON)

    assert ">4 s</span>" in html
    assert 'data-countdown="2026-01-01T12:00:04.700+00:00"' in html
    assert ">0 s</span>" in countdown(NOON - timedelta(seconds=9), NOON)


def test_without_a_time_nothing_is_shown() -> None:
    assert [show(None, NOON) for show in (relative_time, age, countdown)] == ["", "", ""]


@pytest.mark.django_db
def test_every_page_shows_times_in_the_persons_own_zone(
    desk: Desk, queue: ReviewQueue, lena: User, alice: User
) -> None:
    people.grant_site(lena, "auditor", by=COMMAND_LINE)
    Preference.objects.create(user=lena, time_zone="Asia/Tokyo")
    browser = desk(lena)
    snoozed, claimed, decided = (factories.review(queue) for _ in range(3))
    browser.post(page_of(snoozed, "snooze"), {"minutes": "15"})
    assignment.claim(claimed.pk, by=actor(lena))
    decisions.decide(decided.pk, Outcome.APPROVED, by=actor(alice))
    paths = [
        page_of(snoozed),
        page_of(claimed),
        page_of(decided),
        page_of(snoozed, "snooze"),
        "/queues/manual-review/",
    ]
    pages = [browser.get(path) for path in (*paths, "/", "/leads/", "/audit/", "/bulk/")]
    pages.append(browser.post(page_of(decided, "reject"), {"reason": "Late."}))
    for page in pages:
        shown = re.sub(r"<[^>]*>", "", page.content.decode())
        shown = shown.replace("a day begins at midnight UTC", "")
        assert not re.search(r"\bUTC\b", shown), page.request["PATH_INFO"]
    assert pages[-1].status_code == 409
    assert re.search(
        r"alice@example.com approved it at \d\d:\d\d:\d\d JST", pages[-1].content.decode()
    )
    assert "Snoozed until" in pages[0].content.decode()
    assert "Times are in Asia/Tokyo; a day" in pages[6].content.decode()
    assert "When (Asia/Tokyo)" in pages[7].content.decode()


@pytest.mark.django_db
def test_the_times_of_a_search_of_the_audit_trail_are_read_in_the_persons_zone(
    desk: Desk, queue: ReviewQueue, lena: User
) -> None:
    people.grant_site(lena, "auditor", by=COMMAND_LINE)
    Preference.objects.create(user=lena, time_zone="Asia/Tokyo")
    review = factories.review(queue)
    there = database_time.now().astimezone(ZoneInfo("Asia/Tokyo"))
    hour = timedelta(hours=1)
    found = desk(lena).get("/audit/", {"since": f"{there - hour:%Y-%m-%dT%H:%M}"})
    assert page_of(review) in found.content.decode()
    none = desk(lena).get(
        "/audit/",
        {"since": f"{there + hour:%Y-%m-%dT%H:%M}", "until": f"{there + 2 * hour:%Y-%m-%dT%H:%M}"},
    )
    assert page_of(review) not in none.content.decode()
