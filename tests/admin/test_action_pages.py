"""Pages that call a verb: a POST calls it, a refusal stands above what was typed."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals.models import AuditEvent, User
from tests.admin.addresses import at
from tests.admin.rows import Rows

pytestmark = pytest.mark.django_db


def test_a_page_of_an_action_takes_no_other_method_than_get_and_post(
    browser: Client, rows: Rows
) -> None:
    page = at("outboxentry_requeue", rows.entry.pk)

    assert browser.get(page).status_code == 200
    assert browser.delete(page).status_code == 405
    assert browser.put(page).status_code == 405


def test_a_row_that_is_gone_is_a_404_and_a_refusal_keeps_what_was_typed(
    browser: Client, alice: User
) -> None:
    before = AuditEvent.objects.count()

    assert browser.post("/admin/approvals/queuemembership/99/revoke/").status_code == 404
    typed = {"person": alice.email, "group": "", "queue": "nowhere", "role": "lead"}
    answer = browser.post(at("queuemembership_new"), typed)

    assert answer.status_code == 422
    assert answer.context["form"]["person"].value() == alice.email
    assert AuditEvent.objects.count() == before


def test_what_is_shown_once_has_a_button_that_copies_it(browser: Client) -> None:
    answer = browser.post(at("webhooksecret_new"), {"name": "shop", "queue": ""})
    page = answer.content.decode()

    assert f'<code class="once" id="secret">{answer.context["secret"]}</code>' in page
    assert 'data-copy="secret" hidden' in page  # a script shows it: without one it would do nothing
    assert "approvals/admin.js" in page
