"""What an earlier release left behind goes on after the upgrade: nothing is lost, nothing is stuck.

Each dump, and one of this tree as `make release-dump` would write it, is restored, moved to now,
migrated, and then worked on through the interfaces that people and programs use.
"""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import OrderExecution, OutboxEntry, QuarantinedMessage, ReviewTask, User
from approvals.records import tokens
from tests import database
from tests.api import signing
from tests.callers import Caller
from tests.gateways import wire
from tests.releases import databases, dump, states

THIS_TREE = "this tree"
RELEASES = [*map(databases.version, databases.dumps()), THIS_TREE]
VERIFIED: dict[str, str] = {}  # what `verify_audit` said about a migrated database, by its name
richer = pytest.mark.parametrize("release", RELEASES[1:], indirect=True, scope="module")


@pytest.fixture(scope="module", params=RELEASES)
def release(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[str, str]]:
    """The SQL that a release left, and a database with it that has been migrated to now."""
    name = f"release_{os.getpid()}"
    with django_db_blocker.unblock():
        text = _written(name) if request.param == THIS_TREE else _stored(request.param)
        databases.restored(text, name)
        with databases.lent(name):
            call_command("migrate", verbosity=0)
            VERIFIED[name] = said("verify_audit")
        databases.as_if_new(name)
    yield text, name
    database.drop(name)


def _stored(version: str) -> str:
    [found] = [path for path in databases.dumps() if databases.version(path) == version]
    return databases.text(found)


def _written(name: str) -> str:
    """What `make release-dump` would write now; the migrations have been applied to the template."""
    databases.made(name, like=database.TEMPLATE)
    with databases.lent(name):
        known = dump.fill()
    return dump.dumped(databases.url(name), known).decode()


@pytest.fixture
def known(release: tuple[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """A copy of the upgraded database for one test, lent to Django; and what the dump says of itself."""
    text, name = release
    copy = databases.made(f"{name}_copy", like=name)
    with django_db_blocker.unblock(), databases.lent(copy):
        yield dump.known(text)
    database.drop(copy)


@pytest.fixture
def caller(known: dict[str, Any]) -> Callable[[str], Caller]:
    """A program of somebody's, with a token made after the upgrade."""

    @functools.cache
    def of_somebody(email: str) -> Caller:
        person = User.objects.get(email=email)
        return Caller(credentials.issue_token(person, "after the upgrade", by=COMMAND_LINE))

    return of_somebody


def said(*arguments: str) -> str:
    """What a command prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def of(reference: str) -> ReviewTask:
    """The review of this reference."""
    return ReviewTask.objects.get(reference=reference)


def test_the_dumps_are_of_releases_up_to_this_one() -> None:
    versions = [databases.version(path) for path in databases.dumps()]

    assert versions
    for version in versions:
        assert databases.numbers(version) <= databases.numbers(databases.this_version())


def test_everything_is_migrated(known: dict[str, Any]) -> None:
    executor = MigrationExecutor(connection)

    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_every_chain_is_whole(release: tuple[str, str], known: dict[str, Any]) -> None:
    verified = VERIFIED[release[1]].splitlines()

    assert len(verified) == 1
    assert verified[0].endswith("chains verified, 0 breaches")
    assert int(verified[0].split()[0]) > ReviewTask.objects.count()


def test_every_pending_review_can_be_decided(
    known: dict[str, Any], caller: Callable[[str], Caller]
) -> None:
    pending = ReviewTask.objects.pending().select_related("assignee")
    expected = {"open", "claimed"} | ({"reassigned", "guarded"} if known else set())
    assert {review.reference for review in pending} == expected

    for review in pending:
        by = review.assignee.email if review.assignee else "alice@example.com"
        answer = caller(by).post(f"reviews/{review.pk}/decisions/", {"outcome": "approved"})
        assert (answer.status_code, answer.json()["status"]) == (201, "approved"), answer.content


def test_a_claim_holds_and_can_be_renewed(
    known: dict[str, Any], caller: Callable[[str], Caller]
) -> None:
    review, alice = of("claimed"), caller("alice@example.com")

    answer = alice.post(f"reviews/{review.pk}/renew/", {"lease_id": str(review.lease_id)})

    assert (answer.status_code, answer.json()["assignee"]) == (200, "alice@example.com")
    assert of("claimed").lease_expires_at > review.lease_expires_at


def test_a_decision_inside_its_window_can_be_undone_and_taken_again(
    known: dict[str, Any], caller: Callable[[str], Caller]
) -> None:
    review, alice = of("undoable"), caller("alice@example.com")

    undone = alice.post(f"decisions/{review.decision_id}/undo/")
    again = alice.post(f"reviews/{review.pk}/decisions/", {"outcome": "rejected"})

    assert (undone.status_code, undone.json()["status"]) == (200, "pending")
    assert (again.status_code, again.json()["status"]) == (201, "rejected")


def test_the_sweeper_sends_what_waited_with_its_own_token_and_starts_the_order(
    known: dict[str, Any], settings: Settings
) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:execution:orders:order-stored"
    with wire.answering((200, {"executionArn": arn, "startDate": 1.0})) as aws:
        settings.AWS_ENDPOINT_URL = aws.url
        said("sweep", "--once")

    answers = [r for r in aws.requests if b".SendTaskSuccess" in r or b".SendTaskFailure" in r]
    sent = [json.loads(request.rpartition(b"\n\n")[2]) for request in answers]
    waiting = of("waiting")
    token = tokens.unseal(waiting.sealed_token, row=waiting.pk, column="sealed_token").decode()
    assert [body["taskToken"] for body in sent] == [token]
    entry = OutboxEntry.objects.get(subject=waiting.decision_id)
    assert entry.delivery == ("delivered", "acknowledged")
    order = OrderExecution.objects.get(order_id="stored")
    assert (order.status, order.execution_arn) == ("running", arn)
    # Inside their undo window nothing leaves, and what ended stays as it ended.
    assert OutboxEntry.objects.get(subject=of("undoable").decision_id).attempts == 0
    assert OutboxEntry.objects.get(subject=of("delivered").decision_id).attempts == 1


def test_quarantine_is_listed_and_its_bytes_can_be_read(known: dict[str, Any]) -> None:
    row = QuarantinedMessage.objects.get(reason="not_json", origin="queue")

    listed = json.loads(said("quarantine", "list", "--json"))

    assert str(row.pk) in {message["id"] for message in listed}
    assert "not JSON" in said("quarantine", "show", str(row.pk))


@richer
def test_a_program_keeps_its_token_and_gets_its_first_answer_again(known: dict[str, Any]) -> None:
    answer = Client().post(
        known["asked"]["path"],
        known["asked"]["body"],
        content_type="application/json",
        headers=known["asked"]["headers"],
    )

    assert (answer.status_code, answer.json()["decision"]["id"]) == (201, known["decision"])


@richer
def test_what_people_said_and_what_an_operator_must_mend_is_still_there(
    known: dict[str, Any], caller: Callable[[str], Caller]
) -> None:
    events = caller("alice@example.com").get(f"reviews/{of('open').pk}/events/").json()["results"]
    parked = caller("alice@example.com").get(f"reviews/{of('parked').pk}/").json()

    assert "Called the customer." in {event["data"].get("text") for event in events}
    assert parked["delivery"]["detail"] == "invalid_token"


@richer
def test_a_webhook_secret_still_signs(known: dict[str, Any]) -> None:
    sender = signing.Sender(known["webhook_secret"])

    answer = sender.send(signing.about(of("open"), reviewer_email="bob@example.com"))

    assert (answer.status_code, of("open").status) == (200, "approved")


@richer
def test_a_dead_letter_can_be_replayed(known: dict[str, Any]) -> None:
    row = QuarantinedMessage.objects.get(origin="dead_letters")

    said("quarantine", "replay", str(row.pk))

    assert of("dead letter").status == "pending"


@richer
def test_a_queue_keeps_its_role_its_allow_list_and_its_heartbeat(known: dict[str, Any]) -> None:
    guarded = of("guarded").queue

    assert (guarded.role_arn, guarded.state_machine_arns) == (states.ROLE, states.MACHINES)
    assert guarded.heartbeat_seconds == 30
    assert of("guarded").heartbeat.beaten_at
