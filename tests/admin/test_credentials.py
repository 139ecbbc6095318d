"""API tokens and webhook secrets on the admin site: shown once, and revoked for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import (
    ApiToken,
    ReviewQueue,
    User,
    WebhookSecret,
)
from tests import factories
from tests.admin.addresses import at
from tests.admin.answers import last

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once_and_revoked_for_good(
    browser: Client, client: Client, alice: User
) -> None:
    robot = factories.user("robot@example.com", "viewer", kind=User.Kind.SERVICE)
    typed = {"person": robot.email, "name": "a/b report", "scopes": ["read"]}
    answer = browser.post(at("apitoken_new"), typed)
    token = answer.context["secret"]
    assert "only its digest is stored" in answer.content.decode()
    expiry = ApiToken.objects.get().expiry.isoformat()
    assert last(robot)[3] == {"name": "a/b report", "scopes": ["read"], "expires_at": expiry}
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/queues/", headers=bearer).status_code == 200
    listing = browser.get(at("apitoken_changelist")).content.decode()
    row = ApiToken.objects.get()
    for secret in (token, row.digest, row.token_key):
        assert secret not in listing
        assert secret not in browser.get(at("user_change", robot.pk)).content.decode()

    form_url = at("apitoken_revoke", robot.pk) + "?name=a%2Fb+report"
    assert form_url in listing
    assert browser.post(form_url).status_code == 302
    assert last(robot)[:3] == ("token.revoked", "oscar@example.com", "admin")
    assert browser.post(form_url).status_code == 422
    assert client.get("/api/v1/queues/", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("days", "warning"), [(365, ""), (29, "soon: "), (-1, "expired "), (None, "never")]
)
def test_the_list_of_tokens_warns_of_those_that_expire_soon(
    browser: Client, alice: User, days: int | None, warning: str
) -> None:
    credentials.issue_token(alice, "kept", by=COMMAND_LINE)
    expiry = None if days is None else timezone.now() + timedelta(days=days)
    ApiToken.objects.update(expiry=expiry)

    listing = browser.get(at("apitoken_changelist")).content.decode()

    shown = f"{warning}{expiry:%Y-%m-%d}" if expiry else warning
    assert shown in listing
    assert ("soon: " in listing, "expired " in listing) == (days == 29, days == -1)


def test_nobody_issues_a_token_in_another_persons_name(browser: Client, alice: User) -> None:
    typed = {"person": alice.email, "name": "mine", "scopes": []}
    assert browser.post(at("apitoken_new"), typed).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_whose_name_leads_nowhere_can_still_be_revoked(
    browser: Client, alice: User
) -> None:
    credentials.issue_token(alice, "kept", by=COMMAND_LINE)
    ApiToken.objects.update(name="..\n")  # as a release before this one took it
    listing = browser.get(at("apitoken_changelist")).content.decode()
    assert "name=..%0A" in listing
    assert browser.post(at("apitoken_revoke", alice.pk) + "?name=..%0A").status_code == 302


def test_a_webhook_secret_is_shown_once_and_revoked(browser: Client, queue: ReviewQueue) -> None:
    answer = browser.post(at("webhooksecret_new"), {"name": "shop", "queue": queue.slug})
    text = answer.context["secret"]
    assert "it is stored sealed" in answer.content.decode()
    assert text.startswith("whsec_")
    row = WebhookSecret.objects.get()
    page = at("webhooksecret_change", row.pk)
    assert text not in browser.get(page).content.decode()
    browser.post(at("webhooksecret_revoke", row.pk))
    row.refresh_from_db()
    assert row.revoked_at
    assert b"Revoke</a>" not in browser.get(page).content


def test_a_token_name_that_turns_text_round_is_written_out(browser: Client, alice: User) -> None:
    credentials.issue_token(alice, "kept", by=COMMAND_LINE)
    ApiToken.objects.update(name="a\u202eb")  # as a release before this one took it
    form_url = at("apitoken_revoke", alice.pk) + "?name=a%E2%80%AEb"
    for page in (at("apitoken_changelist"), form_url):
        page_text = browser.get(page).content.decode()
        assert "\u202e" not in page_text
        assert "a⟨U+202E⟩b" in page_text
    assert browser.post(form_url).status_code == 302


def test_an_operator_issues_a_token_of_their_own(browser: Client, oscar: User) -> None:
    typed = {"person": oscar.email, "name": "mine", "scopes": []}
    assert browser.post(at("apitoken_new"), typed).status_code == 200
    assert ApiToken.objects.get().user == oscar
