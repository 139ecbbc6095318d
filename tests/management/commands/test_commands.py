"""The commands, as operators and scripts use them: their output, their refusals and exit codes."""

from __future__ import annotations

import io
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from approvals.gateways import sqs, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    ApiToken,
    AuditEvent,
    OrderExecution,
    QuarantinedMessage,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
)
from tests import factories

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


def run(*arguments: str) -> str:
    """Run a management command; return its standard output."""
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def refused(*arguments: str) -> str:
    """Run a management command that must fail; return its one line."""
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return str(refusal.value)


def test_register_queue_creates_a_queue_and_then_changes_only_what_is_named(db: None) -> None:
    assert run("register_queue", "held", "--sqs-url", "https://sqs.example/q") == (
        "Created queue held.\n"
    )
    run("register_queue", "held", "--sqs-url", "https://sqs.example/q", "--undo-seconds", "30")
    output = run("register_queue", "held", "--sqs-url", "https://sqs.example/r", "--name", "Held")

    queue = ReviewQueue.objects.get(slug="held")
    assert output == "Updated queue held.\n"
    assert (queue.undo_seconds, queue.name, queue.sqs_url) == (30, "Held", "https://sqs.example/r")
    kinds = AuditEvent.objects.filter(chain=f"queue:{queue.pk}").values_list("kind", flat=True)
    assert list(kinds) == ["queue.created", "queue.changed", "queue.changed"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--error-name", "States.Timeout"], "reserved by AWS"),
        (["--timeout-seconds", "0"], "timeout_seconds"),
        (["--timeout-seconds", "31536001"], "timeout_seconds"),
        (["--undo-seconds", "999999"], "undo_seconds"),
        (["--role-arn", "reader"], "Not the ARN of an IAM role"),
    ],
)
def test_register_queue_refuses_what_a_queue_cannot_be(arguments: list[str], expected: str) -> None:
    assert expected in refused(
        "register_queue", "held", "--sqs-url", "https://q.example", *arguments
    )
    assert not ReviewQueue.objects.exists()


def test_register_queue_lets_one_sqs_queue_feed_one_queue_only(queue: ReviewQueue) -> None:
    output = refused("register_queue", "other", "--sqs-url", queue.sqs_url)

    assert output == "Another queue reads this SQS queue already."


def test_register_queue_refuses_a_url_that_is_none(db: None) -> None:
    assert "sqs_url" in refused("register_queue", "held", "--sqs-url", "not a url")


def test_grant_create_makes_a_person_and_prints_a_link_that_sets_their_password(
    client: Client, queue: ReviewQueue
) -> None:
    output = run("grant", "Ada@Example.com", queue.slug, "reviewer", "--create")

    link = re.search(r"http\S+", output)
    assert link
    page = client.get(link[0].removeprefix("http://127.0.0.1:8000"), follow=True)
    assert page.status_code == 200
    assert "password" in page.content.decode().lower()
    membership = QueueMembership.objects.get(queue=queue)
    assert (membership.user.email, membership.role) == ("ada@example.com", "reviewer")


def test_grant_prints_the_link_again_until_a_password_is_set(queue: ReviewQueue) -> None:
    run("grant", "ada@example.com", queue.slug, "reviewer", "--create")
    assert "http" in run("grant", "ada@example.com", queue.slug, "reviewer")
    ada = User.objects.get(email="ada@example.com")
    ada.set_password(factories.PASSWORD)
    ada.save()

    assert "http" not in run("grant", "ada@example.com", queue.slug, "lead")


def test_arguments_that_do_not_fit_together_end_with_2(queue: ReviewQueue) -> None:
    for wrong in (["grant", "ada@example.com"], ["grant", "a@b.c", queue.slug, "--site", "orders"]):
        with pytest.raises(CommandError) as refusal:
            run(*wrong)
        assert refusal.value.returncode == 2
    with pytest.raises(CommandError) as refusal:
        run("poll_queue", "--threads", "0")
    assert refusal.value.returncode == 2


def test_grant_replaces_the_role_a_person_had(queue: ReviewQueue, alice: User) -> None:
    run("grant", alice.email, queue.slug, "lead")

    assert QueueMembership.objects.get(user=alice).role == "lead"


def test_grant_gives_a_right_outside_queues(alice: User) -> None:
    run("grant", alice.email, "--site", "auditor")

    assert alice.groups.get().name == "auditor"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody@example.com", "manual-review", "lead"], "--create"),
        (["alice@example.com", "nowhere", "lead"], "register_queue"),
        (["alice@example.com"], "--site"),
        (["not-an-email", "manual-review", "lead", "--create"], "email"),
    ],
)
def test_grant_says_what_to_do_where_it_cannot(
    alice: User, arguments: list[str], expected: str
) -> None:
    assert expected in refused("grant", *arguments)


def test_a_refused_grant_makes_no_user(queue: ReviewQueue) -> None:
    refused("grant", "new@example.com", "nowhere", "lead", "--create")

    assert not User.objects.filter(email="new@example.com").exists()


def test_create_api_token_prints_the_token_alone_and_stores_only_its_digest(alice: User) -> None:
    token = run("create_api_token", alice.email, "--name", "laptop").strip()

    stored = ApiToken.objects.get(user=alice)
    assert re.fullmatch(r"\w{64}", token)
    assert token not in {stored.digest, stored.token_key}
    assert "laptop" in refused("create_api_token", alice.email, "--name", "laptop")


def test_start_order_prints_the_arn_alone_and_the_same_one_again(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    started: list[tuple[str, str, str]] = []

    def start(machine: str, name: str, text: str) -> tuple[Answer, str]:
        started.append((machine, name, text))
        return Answer(Proof.ACCEPTED), f"{machine}/{name}"

    monkeypatch.setattr(stepfunctions, "start_execution", start)
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"total": 1, "order_id": "A-1"}))

    first, second = run("start_order", str(path)), run("start_order", str(path))

    assert first == second == f"{ARN}/order-A-1\n"
    assert started == [(ARN, "order-A-1", '{"order_id":"A-1","total":1}')]


def test_start_order_stores_the_order_and_ends_with_3_while_aws_is_away(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    away = Answer(Proof.NOT_SENT, "EndpointConnectionError")
    monkeypatch.setattr(stepfunctions, "start_execution", lambda *_: (away, ""))
    path = tmp_path / "order.json"
    path.write_text('{"order_id": "A-1"}')

    with pytest.raises(SystemExit) as ended:
        run("start_order", str(path))

    assert ended.value.code == 3
    assert OrderExecution.objects.get().status == "pending"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"order_id": ""}', '{"order_id": null}'])
def test_start_order_refuses_what_is_no_order(settings: Any, tmp_path: Path, text: str) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    path = tmp_path / "order.json"
    path.write_text(text)

    assert "\n" not in refused("start_order", str(path))
    assert not OrderExecution.objects.exists()


def test_start_order_names_a_file_that_is_not_there(settings: Any) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    assert "nowhere.json" in refused("start_order", "nowhere.json")


def test_poll_queue_once_takes_everything_in_until_one_empty_answer(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [[message("m1"), message("m2", "nonsense")], [message("m3")], []]
    deleted: list[str] = []
    monkeypatch.setattr(sqs, "receive", lambda *_, **__: batches.pop(0))

    def delete(region: str, url: str, messages: list[sqs.Message]) -> list[str]:
        deleted.extend(message.message_id for message in messages)
        return []

    monkeypatch.setattr(sqs, "delete", delete)

    output = run("poll_queue", "--queue", queue.slug, "--once")

    assert output == f"{queue.slug}: 3 messages\n"
    assert (ReviewTask.objects.count(), QuarantinedMessage.objects.count()) == (2, 1)
    assert deleted == ["m1", "m2", "m3"]


def message(message_id: str, body: str | None = None) -> sqs.Message:
    """A message of SQS."""
    arrival = factories.received(body)
    return sqs.Message(message_id, f"receipt-{message_id}", arrival.body, arrival.sent_at)


def test_poll_queue_names_a_queue_it_does_not_know(db: None) -> None:
    assert "register_queue" in refused("poll_queue", "--queue", "nowhere")


def test_poll_queue_says_in_one_line_that_sqs_does_not_answer(queue: ReviewQueue) -> None:
    assert "did not answer" in refused("poll_queue", "--queue", queue.slug, "--once")


def test_verify_audit_is_silent_about_whole_chains_and_ends_with_3_at_a_breach(alice: User) -> None:
    review = factories.review()
    assert run("verify_audit", "--review", str(review.pk)) == "1 chains verified, 0 breaches\n"
    assert ", 0 breaches" in run("verify_audit")
    tampered("UPDATE approvals_auditevent SET data = '{}' WHERE chain = %s", review)

    with pytest.raises(SystemExit) as ended:
        run("verify_audit")

    assert ended.value.code == 3
    assert "No review" in refused("verify_audit", "--review", str(uuid.uuid4()))


def test_verify_audit_misses_a_chain_that_is_gone_altogether(alice: User) -> None:
    review = factories.review()
    tampered("DELETE FROM approvals_auditevent WHERE chain = %s", review)

    with pytest.raises(SystemExit):
        run("verify_audit")


def tampered(sql: str, review: ReviewTask) -> None:
    """Run SQL with the triggers off, as a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, [f"review:{review.pk}"])
        cursor.execute("RESET session_replication_role")


def test_quarantine_lists_and_shows_without_ever_showing_a_token(queue: ReviewQueue) -> None:
    secret = "AAAA" * 30
    broken = f'{{"taskToken": "{secret}", "orderId": '
    factories.intake.accept(queue, [factories.received(broken)])
    row = QuarantinedMessage.objects.get()

    listed = json.loads(run("quarantine", "list", "--json"))
    shown = run("quarantine", "show", str(row.pk))

    assert listed[0]["id"] == str(row.pk)
    assert listed[0]["reason"] == "not_json"
    assert "1 messages" in run("quarantine", "list")
    assert '"orderId"' in shown
    assert secret not in shown + json.dumps(listed)
    assert "No message" in refused("quarantine", "show", str(uuid.uuid4()))
