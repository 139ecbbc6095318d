"""Lists name reviews, orders, queues and people, with links, where there were ids."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.admin import subjects
from approvals.models import AuditEvent, Decision, OutboxEntry, User
from tests import factories
from tests.admin.addresses import at, pages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows, parked

pytestmark = pytest.mark.django_db


def request_of(enter: Enter, user: User) -> Any:
    """A request of this person, as a page has it."""
    return enter(user).get(at("outboxentry_changelist")).wsgi_request


def test_an_entry_names_its_review_and_queue_and_links_only_for_members(
    enter: Enter, oscar: User, lena: User, rows: Rows
) -> None:
    review = Decision.objects.get(pk=rows.entry.subject).review_id
    found = subjects.of_entries(request_of(enter, oscar), OutboxEntry.objects.all())

    assert found[rows.entry.subject].label == "ORD-PARKED"
    assert found[rows.entry.subject].queue == rows.queue.name
    assert found[rows.entry.subject].link == "ORD-PARKED"
    assert found[rows.order.pk].link == f'<a href="/executions/{rows.order.pk}/">A-1</a>'
    theirs = subjects.of_entries(request_of(enter, lena), [rows.entry])
    assert f'href="/reviews/{review}/"' in theirs[rows.entry.subject].link


def test_a_chain_names_what_it_is_about_and_its_text_is_no_markup(
    enter: Enter, oscar: User, rows: Rows
) -> None:
    User.objects.filter(pk=oscar.pk).update(email="<b>@example.com")
    chains = [f"user:{oscar.pk}", f"queue:{rows.queue.pk}", "review:nonsense", "other:1"]

    found = subjects.of_chains(request_of(enter, oscar), chains)

    assert set(found) == set(chains[:2])
    assert "&lt;b&gt;@example.com" in found[chains[0]].link
    assert found[chains[1]].link == (
        f'<a href="{at("reviewqueue_change", rows.queue.pk)}">{rows.queue.name}</a>'
    )


def test_one_statement_finds_what_a_page_is_about(enter: Enter, oscar: User, rows: Rows) -> None:
    request = request_of(enter, oscar)
    subjects.of_chains(request, [f"review:{rows.review.pk}"])  # asks for this person's permissions

    with CaptureQueriesContext(connection) as asked:
        subjects.of_chains(request, AuditEvent.objects.values_list("chain", flat=True))

    assert len(asked) == 2  # the chains themselves, and one for all kinds


@pytest.mark.parametrize(
    "name",
    [
        "reviewtask", "quarantinedmessage", "outboxentry", "orderexecution", "reviewqueue",
        "queuemembership", "user", "apitoken", "webhooksecret", "auditevent",
    ],
)  # fmt: skip
def test_a_list_takes_no_more_statements_for_more_rows(
    enter: Enter, oscar: User, alice: User, rows: Rows, name: str
) -> None:
    browser = enter(oscar)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(at(f"{name}_changelist")).status_code == 200
        return len(asked)

    few = statements()
    for _ in range(2):
        parked(rows.queue, alice)
        factories.review(rows.queue)
    assert statements() <= few
    assert few <= 8


def test_the_page_of_a_row_takes_few_statements(
    enter: Enter, oscar: User, alice: User, rows: Rows
) -> None:
    browser, found = enter(oscar), {}
    for name, url in pages_of(rows, alice).items():
        browser.get(url)  # content types are read once by each process
        with CaptureQueriesContext(connection) as asked:
            browser.get(url)
        found[name] = len(asked)

    assert {name: count for name, count in found.items() if count > 8} == {}
