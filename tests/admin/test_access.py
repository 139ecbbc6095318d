"""Access to the admin site: which users may open which page, and what nobody can do there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, reverse

from approvals.admin.site import site
from approvals.models import (
    ApiToken,
    AuditEvent,
    Decision,
    OutboxEntry,
    ReviewTask,
    User,
    WebhookSecret,
)
from tests.admin.conftest import Enter, Rows, at

pytestmark = pytest.mark.django_db

LISTS = (
    "reviewtask", "quarantinedmessage", "outboxentry", "orderexecution", "reviewqueue",
    "queuemembership", "user", "apitoken", "webhooksecret", "auditevent",
)  # fmt: skip
MEMBERS = {"reviewtask"}
OPERATORS = (
    "reviewqueue_new", "queuemembership_new", "user_new", "apitoken_new", "webhooksecret_new",
)  # fmt: skip


def pages_of(rows: Rows, alice: User) -> dict[str, str]:
    """The page of a row, by its model."""
    member = alice.memberships.get()
    secret = WebhookSecret.objects.get()
    return {
        "reviewtask": at("reviewtask_change", rows.review.pk),
        "quarantinedmessage": at("quarantinedmessage_change", rows.message.pk),
        "outboxentry": at("outboxentry_change", rows.entry.pk),
        "orderexecution": at("orderexecution_change", rows.order.pk),
        "reviewqueue": at("reviewqueue_change", rows.queue.pk),
        "queuemembership": at("queuemembership_change", member.pk),
        "user": at("user_change", alice.pk),
        "webhooksecret": at("webhooksecret_change", secret.pk),
        "auditevent": at("auditevent_change", AuditEvent.objects.first().pk),
    }


def action_urls_of(rows: Rows, alice: User) -> list[str]:
    """The URL of every page that calls a verb for operators."""
    member, secret = alice.memberships.get(), WebhookSecret.objects.get()
    return [
        *(at(name) for name in OPERATORS),
        *(at(f"reviewqueue_{name}", rows.queue.pk) for name in ("edit", "switch", "check")),
        *(at(f"queuemembership_{name}", member.pk) for name in ("role", "revoke")),
        *(
            at(f"user_{name}", alice.pk)
            for name in ("deactivate", "reactivate", "grant", "revoke", "invite")
        ),
        at("apitoken_revoke", alice.pk) + "?name=nightly",
        at("webhooksecret_revoke", secret.pk),
        at("outboxentry_requeue", rows.entry.pk),
        *(f"{at(f'quarantinedmessage_{d}')}?id={rows.message.pk}" for d in ("replay", "discard")),
    ]


def test_a_request_without_a_session_is_sent_to_the_sign_in_page_of_the_desk(
    client: Client,
) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)
    assert "account/login.html" in {t.name for t in answer.templates}
    assert client.get("/admin/login/?next=https://evil.example/").status_code == 302


def test_the_sign_in_page_leads_back_to_the_admin_site(client: Client, oscar: User) -> None:
    typed = {"login": oscar.email, "password": "correct horse battery staple", "next": "/admin/"}
    assert client.post("/accounts/login/", typed).url == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/logout/").url == reverse("account_logout")
    assert client.get("/admin/password_change/").url == reverse("account_change_password")


def test_a_user_without_rights_gets_a_403_and_no_redirect_even_as_a_superuser(
    enter: Enter, stan: User, rows: Rows, alice: User
) -> None:
    boss = User.objects.create_superuser("boss@example.com", "x")
    addresses = ["/admin/", *pages_of(rows, alice).values(), *action_urls_of(rows, alice)]
    for nobody in (stan, boss):
        browser = enter(nobody)
        assert {browser.get(address).status_code for address in addresses} == {403}
        assert {browser.post(address).status_code for address in addresses} == {403}


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
    for url in action_urls_of(rows, alice):
        assert enter(oscar).get(url).status_code == 200, url
        for other in (audrey, alice):
            assert enter(other).get(url).status_code == 403, url
            assert enter(other).post(url, {"id": rows.message.pk}).status_code == 403, url
    assert (
        b"Change settings" not in enter(audrey).get(at("reviewqueue_change", rows.queue.pk)).content
    )
    assert b"Revoke</a>" in enter(oscar).get(at("apitoken_changelist")).content
    assert b"Revoke</a>" not in enter(audrey).get(at("apitoken_changelist")).content


def test_no_model_can_be_added_changed_or_deleted_the_stock_way(
    oscar: User, rf: RequestFactory
) -> None:
    request = rf.get("/admin/")
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
    django_assert_max_num_queries: Any,
) -> None:
    monkeypatch.setattr("approvals.admin.pages.CappedPaginator.CAP", 3)
    browser = enter(oscar)
    with django_assert_max_num_queries(20) as asked:
        page_text = browser.get(at("auditevent_changelist") + "?o=4").content.decode()
    assert "These are the first 3" in page_text
    counting = [q["sql"] for q in asked.captured_queries if "COUNT(" in q["sql"]]
    assert counting
    assert all("LIMIT 4" in sql for sql in counting)
    assert 'ORDER BY "approvals_auditevent"."kind"' not in str(asked.captured_queries)
