"""Who may look at which list and row of the admin site, and who may act there."""

from __future__ import annotations

import pytest

from approvals.models import (
    User,
)
from tests.admin.addresses import LISTS, MEMBERS, action_urls_of, at, pages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows

pytestmark = pytest.mark.django_db


def test_operators_and_auditors_see_every_list_and_every_row(
    enter: Enter, oscar: User, audrey: User, rows: Rows, alice: User
) -> None:
    pages = pages_of(rows, alice)
    for who in (oscar, audrey):
        browser = enter(who)
        index = browser.get("/admin/").content.decode()
        for name in LISTS:
            assert at(f"{name}_changelist") in index
            assert browser.get(at(f"{name}_changelist")).status_code == 200
        for name, page in pages.items():
            expected = 404 if name in MEMBERS else 200  # reviews belong to their queue's members
            assert browser.get(page).status_code == expected, name


def test_a_member_sees_the_reviews_of_their_queues_and_nothing_else(
    enter: Enter, alice: User, carol: User, rows: Rows
) -> None:
    pages = pages_of(rows, alice)
    browser = enter(alice)
    for name in LISTS:
        expected = 200 if name in {*MEMBERS, "orderexecution"} else 403  # alice may start orders
        assert browser.get(at(f"{name}_changelist")).status_code == expected, name
    assert browser.get(pages["reviewtask"]).status_code == 200
    assert enter(carol).get(pages["reviewtask"]).status_code == 404
    assert b"ORD-OPEN" not in enter(carol).get(at("reviewtask_changelist")).content
    assert enter(carol).get(at("orderexecution_changelist")).status_code == 403


def test_only_operators_open_what_changes_something(
    enter: Enter, oscar: User, audrey: User, alice: User, rows: Rows
) -> None:
    operator, auditor, member = enter(oscar), enter(audrey), enter(alice)
    for url in action_urls_of(rows, alice):
        assert operator.get(url).status_code == 200, url
        for other in (auditor, member):
            assert other.get(url).status_code == 403, url
            assert other.post(url, {"id": rows.message.pk}).status_code == 403, url
    queue = auditor.get(at("reviewqueue_change", rows.queue.pk))
    assert b"Change settings" not in queue.content
    assert b"Revoke</a>" in operator.get(at("apitoken_changelist")).content
    assert b"Revoke</a>" not in auditor.get(at("apitoken_changelist")).content
