"""Who may sign in, who may see what, and the headers of every response of the desk."""

from __future__ import annotations

import re
import uuid

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewTask, User
from approvals.models.choices import Outcome
from tests import factories
from tests.factories import actor
from tests.web.conftest import Desk

pytestmark = pytest.mark.django_db

# The URL names of every page and every action on a review.
GETS = ["home", "queue", "review", "review_delivery", "review_approve", "review_reject"]
POSTS = [
    "queue_next",
    "review_claim",
    "review_renew",
    "review_release",
    "review_approve",
    "review_reject",
    "decision_undo",
]


def address(name: str, review: ReviewTask) -> str:
    """The URL of this name about this review."""
    if name == "home":
        return reverse(name)
    if name.startswith("queue"):
        return reverse(name, args=[review.queue.slug])
    if name.startswith("decision"):
        return reverse(name, args=[review.decision_id or uuid.uuid4()])
    return reverse(name, args=[review.pk])


@pytest.mark.parametrize("name", GETS)
def test_an_anonymous_visitor_is_sent_to_sign_in_and_back(
    client: Client, alice: User, name: str
) -> None:
    url = address(name, factories.review())
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("name", POSTS)
def test_an_anonymous_post_changes_nothing(client: Client, alice: User, name: str) -> None:
    review = factories.review()
    response = client.post(address(name, review))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    assert not AuditEvent.objects.filter(chain__endswith=str(review.pk)).exclude(
        kind="review.received"
    )


def test_a_session_that_ended_makes_htmx_load_the_sign_in_page_whole(client: Client) -> None:
    review = factories.review()
    here = f"http://testserver{address('review', review)}"
    response = client.get(
        address("review_approve", review),
        headers={"HX-Request": "true", "HX-Current-URL": here},
    )
    assert response.status_code == 200
    assert response["HX-Redirect"] == (
        f"{reverse('account_login')}?next={address('review', review)}"
    )


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", sorted({*GETS, *POSTS} - {"home"}))
def test_carol_of_another_queue_learns_nothing(
    desk: Desk, carol: User, alice: User, name: str, method: str
) -> None:
    review = factories.review()
    decisions.decide(review.pk, Outcome.APPROVED, by=actor(alice))
    review.refresh_from_db()
    response = getattr(desk(carol), method)(address(name, review))
    assert response.status_code in (404, 405)
    assert review.reference not in response.content.decode()


def test_carol_finds_no_review_by_its_reference(desk: Desk, carol: User) -> None:
    review = factories.review()
    page = desk(carol).get("/", {"q": review.reference})
    assert page.status_code == 200
    assert str(review.pk) not in page.content.decode()


def test_hidden_and_missing_look_the_same(desk: Desk, carol: User) -> None:
    hidden = desk(carol).get(address("review", factories.review()))
    missing = desk(carol).get(reverse("review", args=[uuid.uuid4()]))
    assert hidden.content == missing.content
    assert hidden.status_code == missing.status_code == 404
    assert b"Countersign" in hidden.content


@pytest.mark.parametrize("name", POSTS)
def test_actions_are_never_taken_by_get(desk: Desk, lena: User, name: str) -> None:
    if name in GETS:  # a form of its own stands there
        return
    review = factories.review()
    assert desk(lena).get(address(name, review)).status_code == 405


@pytest.mark.parametrize("name", GETS)
def test_looking_changes_nothing(desk: Desk, lena: User, name: str) -> None:
    review = factories.review()
    before = (review.version, AuditEvent.objects.count())
    assert desk(lena).get(address(name, review)).status_code == 200
    review.refresh_from_db()
    assert (review.version, AuditEvent.objects.count()) == before


@pytest.mark.parametrize("name", POSTS)
def test_every_action_asks_for_the_csrf_token(lena: User, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(lena)
    response = client.post(address(name, factories.review()))
    assert response.status_code == 403
    assert "form was too old" in response.content.decode()


@pytest.mark.parametrize("name", GETS)
def test_no_cache_keeps_a_page(desk: Desk, lena: User, name: str) -> None:
    response = desk(lena).get(address(name, factories.review()))
    assert "no-store" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("name", GETS)
def test_no_page_needs_inline_code(desk: Desk, lena: User, name: str) -> None:
    html = desk(lena).get(address(name, factories.review())).content.decode()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)


def test_one_signs_in_with_email_and_password_and_lands_where_one_wanted(
    client: Client, alice: User
) -> None:
    url = address("review", factories.review())
    response = client.post(
        f"{reverse('account_login')}?next={url}",
        {"login": "Alice@example.com", "password": factories.PASSWORD, "next": url},
    )
    assert response.status_code == 302
    assert response["Location"] == url
    assert client.get(url).status_code == 200


def test_a_wrong_sign_in_does_not_say_which_part_is_wrong(client: Client, alice: User) -> None:
    for email in ("alice@example.com", "nobody@example.com"):
        page = client.post(reverse("account_login"), {"login": email, "password": "wrong"})
        assert page.status_code == 200
        assert "not correct" in page.content.decode()


def test_nobody_signs_up(client: Client, db: None) -> None:
    client.post(
        "/accounts/signup/",
        {
            "email": "eve@example.com",
            "password1": factories.PASSWORD,
            "password2": factories.PASSWORD,
        },
    )
    assert not User.objects.filter(email="eve@example.com").exists()


def test_signing_out_asks_first_and_ends_the_session(desk: Desk, alice: User) -> None:
    browser = desk(alice)
    assert "Sign out?" in browser.get(reverse("account_logout")).content.decode()
    assert browser.get("/").status_code == 200
    browser.post(reverse("account_logout"))
    assert browser.get("/").status_code == 302


def test_a_forgotten_password_is_set_anew_through_a_link(client: Client, alice: User) -> None:
    sent = client.post(reverse("account_reset_password"), {"email": alice.email}, follow=True)
    assert "Check your mail" in sent.content.decode()
    link = re.search(
        r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body)
    )
    assert link is not None
    page = client.get(link[1], follow=True)
    assert "Choose a password" in page.content.decode()
    done = client.post(
        page.redirect_chain[-1][0],
        {"password1": "another battery staple", "password2": "another battery staple"},
        follow=True,
    )
    assert "Your password is set" in done.content.decode()
    client.post(
        reverse("account_login"), {"login": alice.email, "password": "another battery staple"}
    )
    assert client.get("/").status_code == 200
    spent = client.get(link[1], follow=True)
    assert "This link no longer works" in spent.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        *("account_login", "account_inactive", "account_reset_password"),
        *("account_reset_password_done", "account_reset_password_from_key_done"),
    ],
)
def test_account_pages_have_the_desks_look(client: Client, db: None, name: str) -> None:
    html = client.get(reverse(name)).content.decode()
    assert "approvals/app.css" in html
    assert '<main id="main"' in html
    assert not re.search(r"\sstyle=|<style", html)


@pytest.mark.parametrize(
    "name", ["account_logout", "account_change_password", "account_reauthenticate"]
)
def test_account_pages_after_sign_in_have_it_too(desk: Desk, alice: User, name: str) -> None:
    response = desk(alice).get(reverse(name), follow=True)
    assert response.status_code == 200
    assert "approvals/app.css" in response.content.decode()


def test_an_error_page_has_the_desks_look(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("approvals.web.home.queue_summaries", broken)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert "a secret of the inside" not in response.content.decode()


def test_only_operators_and_auditors_see_the_link_to_the_admin_site(
    desk: Desk, alice: User, victor: User
) -> None:
    assert "/admin/" not in desk(alice).get("/").content.decode()
    people.grant_site(victor, "auditor", by=COMMAND_LINE)
    assert 'href="/admin/"' in desk(victor).get("/").content.decode()
