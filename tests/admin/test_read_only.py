"""No row is added, changed or deleted on the admin site by the stock forms."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import RequestFactory

from approvals.admin.site import site
from approvals.models import (
    ApiToken,
    AuditEvent,
    Decision,
    OutboxEntry,
    ReviewTask,
    User,
)
from tests.admin.addresses import LISTS, at, pages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows

pytestmark = pytest.mark.django_db


def test_no_model_can_be_added_changed_or_deleted_the_stock_way(
    oscar: User, rf: RequestFactory
) -> None:
    request = rf.get(at("user_changelist"))  # reading the URLs registers the pages
    request.user = oscar
    assert len(site._registry) == len(LISTS)
    assert not {model for model in site._registry if model._meta.app_label != "approvals"}
    assert Group not in site._registry
    for page in site._registry.values():
        assert page.get_model_perms(request) == {
            "add": False, "change": False, "delete": False, "view": True,
        }, page  # fmt: skip
        assert not page.get_inline_instances(request)
        assert not page.list_editable
        assert "delete_selected" not in page.get_actions(request)
    assert site.check(None) == []


def everything() -> list[object]:
    """All that no form may touch."""
    return [
        list(ReviewTask.objects.order_by("pk").values()),
        list(AuditEvent.objects.order_by("pk").values()),
        list(Decision.objects.order_by("pk").values()),
        list(OutboxEntry.objects.order_by("pk").values()),
        list(User.objects.order_by("pk").values("email", "is_active", "is_superuser", "password")),
        list(ApiToken.objects.order_by("pk").values("name", "revoked_at")),
    ]


def test_no_post_to_a_list_or_a_row_changes_anything(
    enter: Enter, oscar: User, lena: User, rows: Rows, alice: User
) -> None:
    before = everything()
    forged = {
        "_save": "Save", "_saveasnew": "1", "status": "approved", "state": "settled", "kind": "x",
        "payload": "{}", "is_superuser": "on", "data": "{}", "outcome": "approved", "post": "yes",
    }  # fmt: skip
    for who in (oscar, lena):
        browser = enter(who)
        for name, page in pages_of(rows, alice).items():
            assert browser.post(page, forged).status_code in {403, 405}, name
            for verb in ("add", "delete", "history"):
                crude = page.replace("change", verb)
                assert browser.post(crude, forged).status_code in {403, 404}, crude
        for name in LISTS:
            listing = at(f"{name}_changelist")
            chosen = {**forged, "action": "delete_selected", "_selected_action": rows.review.pk}
            for body in (forged, chosen, {**chosen, "index": "0"}):
                assert browser.post(listing, body).status_code in {200, 302, 403, 405}
            assert browser.get(listing).status_code in {200, 403}
    assert everything() == before
