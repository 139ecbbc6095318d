"""Every page of the desk: for people who have signed in, blind to what is hidden, never cached."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.web import audit_search
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


@pytest.mark.parametrize(
    "here", ["http://[", "//[::1", "http://testserver:port/", "http://evil.example/x"]
)
def test_an_address_that_htmx_cannot_have_been_at_leads_to_the_first_page(
    client: Client, here: str
) -> None:
    response = client.get(reverse("home"), headers={"HX-Request": "true", "HX-Current-URL": here})
    assert response.status_code == 200
    assert response["HX-Redirect"] == f"{reverse('account_login')}?next=/"


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


def test_hidden_and_missing_look_the_same(desk: Desk, carol: User) -> None:
    hidden = desk(carol).get(address("review", factories.review()))
    missing = desk(carol).get(reverse("review", args=[uuid.uuid4()]))
    # The form that signs out has a token of its own on each page.
    contents = [
        re.sub(rb'(?<=csrfmiddlewaretoken" value=")\w+', b"", page.content)
        for page in (hidden, missing)
    ]
    assert contents[0] == contents[1]
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


@pytest.mark.django_db(transaction=True)
def test_a_value_that_the_database_does_not_take_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = factories.user("audra@example.com")
    people.grant_site(auditor, "auditor", by=COMMAND_LINE)
    monkeypatch.setattr(audit_search, "_is_in_the_calendar", lambda _: True)

    page = desk(auditor).get("/audit/", {"until": "0001-01-01T00:00:00+23:59"})

    assert page.status_code == 422
    assert "cannot be stored" in page.content.decode()
