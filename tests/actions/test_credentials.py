"""API tokens and webhook secrets: their names, who issues and revokes them, and their trace."""

from __future__ import annotations

import base64
import uuid

import pytest
from django.db import connection

from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound
from approvals.models import (
    AuditEvent,
    ReviewQueue,
    User,
    WebhookSecret,
)
from approvals.records import audit_verification, tokens
from tests import factories, races
from tests.factories import actor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["x\ny", "a\u202eb", "", "   ", ".", ".."])
def test_a_token_needs_a_name_that_can_be_shown(alice: User, name: str) -> None:
    with pytest.raises(Invalid):
        credentials.issue_token(alice, name, by=COMMAND_LINE)


@pytest.mark.parametrize("name", ["", "   ", "a\u202eb", "x" * 101])
def test_a_secret_needs_a_name_of_at_most_100_characters(db: None, name: str) -> None:
    with pytest.raises(Invalid, match="needs a name"):
        credentials.issue_secret(name, by=COMMAND_LINE)
    assert not WebhookSecret.objects.exists()


def test_the_secret_that_is_shown_has_32_bytes_and_is_stored_sealed(db: None) -> None:
    shown = credentials.issue_secret("erp", by=COMMAND_LINE)

    row = WebhookSecret.objects.get()
    assert len(base64.b64decode(shown.removeprefix("whsec_"), validate=True)) == 32
    assert tokens.unseal(row.sealed_secret, row=row.pk, column="sealed_secret") == shown.encode()
    assert shown.encode() not in bytes(row.sealed_secret)


@pytest.mark.django_db(transaction=True)
def test_of_two_queues_that_ask_for_one_senders_name_at_once_one_gets_it() -> None:
    for slug in ("left", "right"):
        factories.queue(slug)
    outcomes = races.at_once(
        [
            lambda: credentials.issue_secret("erp", "left", by=COMMAND_LINE),
            lambda: credentials.issue_secret("erp", "right", by=COMMAND_LINE),
        ]
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, Invalid)]) == 1, outcomes
    assert WebhookSecret.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_secret_waits_for_another_one_of_its_name_that_is_being_issued() -> None:
    under_way = "SELECT pg_advisory_xact_lock(hashtext('webhook:erp'))"

    secret = races.while_another_commits(
        under_way, [], lambda: credentials.issue_secret("erp", by=COMMAND_LINE)
    )

    assert secret.startswith("whsec_")


def test_a_name_signs_for_one_queue_or_for_all(queue: ReviewQueue) -> None:
    credentials.issue_secret("erp", by=COMMAND_LINE)
    with pytest.raises(Invalid, match="signs for other reviews"):
        credentials.issue_secret("erp", queue.slug, by=COMMAND_LINE)
    credentials.issue_secret("bound", queue.slug, by=COMMAND_LINE)
    with pytest.raises(Invalid, match="signs for other reviews"):
        credentials.issue_secret("bound", by=COMMAND_LINE)


def test_one_name_may_have_several_secrets_and_goes_to_another_queue_when_all_are_revoked(
    queue: ReviewQueue,
) -> None:
    name = "x" * 100
    for _ in range(2):
        credentials.issue_secret(name, queue.slug, by=COMMAND_LINE)
    first, second = WebhookSecret.objects.order_by("created_at", "pk")

    credentials.revoke_secret(second.pk, by=COMMAND_LINE)
    first.refresh_from_db()
    assert first.revoked_at is None, "the other one of this name was revoked"
    with pytest.raises(Invalid, match="signs for other reviews"):
        credentials.issue_secret(name, by=COMMAND_LINE)
    credentials.revoke_secret(first.pk, by=COMMAND_LINE)

    credentials.issue_secret(name, by=COMMAND_LINE)
    assert WebhookSecret.objects.get(revoked_at=None).queue is None


@pytest.mark.django_db(transaction=True)
def test_a_revocation_waits_for_its_own_queue_and_for_no_other() -> None:
    for slug in ("earlier", "own"):
        credentials.issue_secret(slug, factories.queue(slug).slug, by=COMMAND_LINE)
    _, own = WebhookSecret.objects.order_by("created_at")
    lock = "SELECT FROM approvals_reviewqueue WHERE slug = %s FOR UPDATE"
    with races.second_look() as other, connection.cursor() as cursor:
        other.autocommit = False
        other.execute(lock, ["earlier"])
        cursor.execute("SET lock_timeout = '1s'")
        try:
            credentials.revoke_secret(own.pk, by=COMMAND_LINE)
        finally:
            cursor.execute("RESET lock_timeout")
    credentials.issue_secret("own", "own", by=COMMAND_LINE)
    own = WebhookSecret.objects.get(name="own", revoked_at=None)

    revoked = races.while_another_commits(
        lock, ["own"], lambda: credentials.revoke_secret(own.pk, by=COMMAND_LINE)
    )

    assert revoked.revoked_at is not None


def test_secrets_are_for_operators(alice: User, queue: ReviewQueue) -> None:
    with pytest.raises(NotAllowed):
        credentials.issue_secret("erp", by=actor(alice, "command"))
    credentials.issue_secret("erp", by=COMMAND_LINE)
    row = WebhookSecret.objects.get()
    with pytest.raises(NotAllowed):
        credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    credentials.issue_secret("own", by=actor(alice, "command"))
    assert WebhookSecret.objects.get(name="own").created_by == alice
    with pytest.raises(Invalid, match="already"):
        credentials.revoke_secret(row.pk, by=actor(alice, "command"))
    with pytest.raises(NotFound):
        credentials.revoke_secret(uuid.uuid4(), by=actor(alice, "command"))


def test_issue_and_end_of_a_secret_stand_on_its_chain(queue: ReviewQueue) -> None:
    for slug in (None, queue.slug):
        credentials.issue_secret(f"for {slug}", slug, by=COMMAND_LINE)
    for row in WebhookSecret.objects.all():
        credentials.revoke_secret(row.pk, by=COMMAND_LINE)
        chain = f"queue:{queue.pk}" if row.queue else f"webhook:{row.pk}"
        events = AuditEvent.objects.filter(chain=chain, kind__startswith="webhook_secret")
        kinds = list(events.order_by("seq").values_list("kind", flat=True))
        assert kinds == ["webhook_secret.issued", "webhook_secret.revoked"]
        assert events[0].data == {"name": row.name, "secret": str(row.pk)}
    assert list(audit_verification.Verification()) == []


def test_tokens_of_others_are_for_operators(alice: User) -> None:
    stan = factories.user("stan@example.com")
    for attempt in (
        lambda: credentials.issue_token(stan, "x", by=actor(alice, "admin")),
        lambda: credentials.revoke_token(stan, "x", by=actor(alice, "admin")),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_a_token_that_is_not_there_and_a_scope_that_is_none_are_refused(alice: User) -> None:
    with pytest.raises(NotFound):
        credentials.revoke_token(alice, "x", by=COMMAND_LINE)
    with pytest.raises(Invalid, match="No scope"):
        credentials.issue_token(alice, "x", by=COMMAND_LINE, scopes=["everything"])
