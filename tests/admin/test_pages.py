"""The pages of the admin site: the addresses and filters that they have, and how far they count."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver
from pytest_django.fixtures import DjangoAssertNumQueries

from approvals.admin import pages
from approvals.admin.site import site
from approvals.models import (
    AuditEvent,
    OutboxEntry,
    User,
)
from tests.admin.addresses import LISTS, at
from tests.admin.conftest import Enter
from tests.admin.rows import Rows

pytestmark = pytest.mark.django_db


def test_there_is_no_address_of_the_stock_forms() -> None:
    found: set[str] = set()
    todo: list[URLResolver | URLPattern] = list(site.get_urls())
    while todo:
        each = todo.pop()
        if isinstance(each, URLPattern):
            found.add(str(each.name))
        else:
            todo += each.url_patterns
    stock = {f"approvals_{name}_{verb}" for name in LISTS for verb in ("add", "delete", "history")}
    assert not found & (stock | {"view_on_site", "autocomplete"})
    assert "approvals_apitoken_change" not in found  # its key is the digest


@pytest.mark.parametrize(
    "query",
    [
        "user/?password__startswith=pbkdf2",
        "user/?is_superuser__exact=1",
        "apitoken/?digest__startswith=a",
        "reviewtask/?token_fingerprint__isnull=False",
        "reviewtask/?payload__contains=x",
        "reviewtask/?queue__memberships__user__email=a",
        "webhooksecret/?sealed_secret__gt=a",
    ],
)
def test_no_column_can_be_guessed_at_through_a_filter(
    enter: Enter, oscar: User, query: str
) -> None:
    assert enter(oscar).get(f"/admin/approvals/{query}").status_code == 400


def test_lists_stop_counting_and_keep_to_their_order(
    enter: Enter,
    oscar: User,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(pages.CappedPaginator, "CAP", 3)
    browser = enter(oscar)
    with django_assert_max_num_queries(20) as asked:
        page_text = browser.get(at("auditevent_changelist") + "?o=4").content.decode()
    assert "These are the first 3" in page_text
    counting = [q["sql"] for q in asked.captured_queries if "COUNT(" in q["sql"]]
    assert counting
    assert all("LIMIT 4" in sql for sql in counting)
    assert 'ORDER BY "approvals_auditevent"."kind"' not in str(asked.captured_queries)


def test_a_look_changes_nothing(
    enter: Enter, oscar: User, lena: User, rows: Rows, client: Client
) -> None:
    before = AuditEvent.objects.count()
    for address in (
        f"{at('quarantinedmessage_replay')}?id={rows.message.pk}",
        at("outboxentry_requeue", rows.entry.pk),
        f"{at('outboxentry_requeue_many')}?id={rows.entry.pk}",
        at("reviewqueue_switch", rows.queue.pk),
        at("user_deactivate", lena.pk),
    ):
        assert enter(oscar).get(address).status_code == 200
    assert enter(lena).get(f"{at('reviewtask_approve')}?id={rows.review.pk}").status_code == 200
    assert AuditEvent.objects.count() == before
    assert OutboxEntry.objects.get(pk=rows.entry.pk).state == "parked"
