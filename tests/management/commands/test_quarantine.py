"""`quarantine`, as operators and their scripts use it: lines, exit codes, and never a token by accident."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from approvals.actions import intake, queues
from approvals.actors import COMMAND_LINE
from approvals.models import (
    AuditEvent,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
)
from tests import factories

pytestmark = pytest.mark.django_db
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"


def run(*arguments: str, code: int | None = None) -> str:
    """The standard output of `quarantine`, which ends with this exit code."""
    out, ended = io.StringIO(), None
    try:
        call_command("quarantine", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        ended = end.code
    assert ended == code, out.getvalue()
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return refusal.value


@pytest.fixture
def rows(queue: ReviewQueue) -> list[str]:
    """Two messages that can be replayed and one that cannot, the oldest first."""
    list_only(queue, OTHERS)
    for body in (factories.message(), "{broken", factories.message()):
        intake.accept(queue, [factories.received(body)])
    list_only(queue)
    return [str(row.pk) for row in QuarantinedMessage.objects.order_by("received_at", "id")]


def list_only(queue: ReviewQueue, *arns: str) -> None:
    queues.save(queue.slug, {"state_machine_arns": list(arns)}, by=COMMAND_LINE)
    queue.refresh_from_db()


def test_replay_names_each_review_it_made(rows: list[str]) -> None:
    lines = run("replay", rows[2], rows[0], rows[2]).splitlines()

    first, last = (QuarantinedMessage.objects.get(pk=rows[place]) for place in (0, 2))
    assert lines == [
        f"{rows[2]}  replayed as review {last.replayed_as_id}",
        f"{rows[0]}  replayed as review {first.replayed_as_id}",
        "2 replayed, 0 not",
    ]
    assert ReviewTask.objects.count() == 2


def test_replay_all_goes_on_past_what_cannot_be_replayed_and_ends_with_3(rows: list[str]) -> None:
    lines = run("replay", "--all", code=3).splitlines()

    assert [line.split("  ")[0] for line in lines[:3]] == rows
    assert "not replayed: The body is not JSON" in lines[1]
    assert lines[3] == "2 replayed, 1 not"
    assert run("replay", "--all", code=3).splitlines()[-1] == "0 replayed, 1 not"


def test_replay_all_of_an_empty_quarantine_is_fine(queue: ReviewQueue) -> None:
    assert run("replay", "--all") == "0 replayed, 0 not\n"


def test_discard_settles_with_a_reason_and_list_no_longer_shows_it(rows: list[str]) -> None:
    assert run("discard", rows[0], rows[1], "--reason", "a test") == (
        f"{rows[0]}  discarded\n{rows[1]}  discarded\n2 discarded, 0 not\n"
    )

    assert [row["id"] for row in json.loads(run("list", "--json"))] == [rows[2]]
    assert "discard_reason: a test" in run("show", rows[0])
    again = run("discard", rows[0], "--reason", "twice", code=3)
    assert f"{rows[0]}  not discarded: This message was discarded already." in again
    assert "discarded already" in run("replay", rows[0], code=3)


def test_show_says_which_review_a_message_became(rows: list[str]) -> None:
    run("replay", rows[0])

    assert f"replayed_as: {ReviewTask.objects.get().pk}" in run("show", rows[0])


def test_the_list_tells_where_a_message_came_from(queue: ReviewQueue) -> None:
    origin = QuarantinedMessage.Origin.DEAD_LETTERS
    intake.accept(queue, [factories.received()], origin=origin)

    (row,) = json.loads(run("list", "--json"))

    assert (row["origin"], row["reason"]) == ("dead_letters", "dead_letter")
    assert "dead_letter" in run("list")


@pytest.mark.parametrize(
    "wrong",
    [
        ["replay"],
        ["replay", str(uuid.uuid4()), "--all"],
        ["discard", str(uuid.uuid4()), "--reason", " "],
        ["discard", str(uuid.uuid4()), "--reason", "x" * 301],
    ],
)
def test_arguments_that_do_not_fit_together_end_with_2(db: None, wrong: list[str]) -> None:
    assert refused(*wrong).returncode == 2


@pytest.mark.parametrize("wrong", [["discard", str(uuid.uuid4())], ["replay", "x"], []])
def test_arguments_that_are_none_are_refused(wrong: list[str]) -> None:
    refused(*wrong)


def test_an_unknown_message_ends_with_1_before_any_other_is_touched(rows: list[str]) -> None:
    nowhere = str(uuid.uuid4())
    for command in (["replay", rows[0], nowhere], ["discard", rows[0], nowhere, "--reason", "x"]):
        refusal = refused(*command)
        assert (str(refusal), refusal.returncode) == (f"No message {nowhere} in quarantine.", 1)
    assert "No message" in str(refused("show", nowhere, "--raw"))

    assert QuarantinedMessage.objects.filter(replayed_at=None, discarded_at=None).count() == 3


@pytest.mark.parametrize("body", ['{"taskToken": "AAAA\ud800', "nul \0\r\n", "\ufeff{}"])
def test_show_raw_writes_the_exact_bytes_and_leaves_a_trace(queue: ReviewQueue, body: str) -> None:
    intake.accept(queue, [factories.received(body)])
    row = QuarantinedMessage.objects.get()
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    call_command("quarantine", "show", str(row.pk), "--raw", stdout=out)

    written: Any = out.buffer
    assert written.getvalue() == body.encode(errors="surrogatepass")
    event = AuditEvent.objects.filter(chain=f"quarantine:{row.pk}").order_by("seq").last()
    assert (event.kind, event.surface) == ("message.revealed", "command")


def test_show_without_raw_leaves_no_trace_and_shows_no_token(queue: ReviewQueue) -> None:
    secret = "AAAA" * 30
    intake.accept(queue, [factories.received(f'{{"taskToken": "{secret}", "orderId": ')])
    row = QuarantinedMessage.objects.get()

    assert secret not in run("show", str(row.pk))
    assert AuditEvent.objects.filter(chain=f"quarantine:{row.pk}").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_script_sees_the_exit_codes_and_the_bytes_of_the_real_process() -> None:
    body = '{"taskToken": "AAAA\ud800'
    intake.accept(factories.queue(), [factories.received(body)])
    address = "postgres://{user}@{host}:{port}/{dbname}"
    surroundings = os.environ | {
        "DATABASE_URL": address.format(**connection.get_connection_params())
    }

    def process(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "manage.py", "quarantine", *arguments]
        return subprocess.run(
            command, env=surroundings, capture_output=True, check=False, timeout=60
        )

    shown = process("show", str(QuarantinedMessage.objects.get().pk), "--raw")
    assert (shown.returncode, shown.stdout) == (0, body.encode(errors="surrogatepass"))
    assert process("replay", "--all").returncode == 3
    usage = process("replay")
    assert (usage.returncode, usage.stderr.count(b"\n")) == (2, 1)
    assert b"Traceback" not in usage.stderr
    assert process("replay", str(uuid.uuid4())).returncode == 1


def test_it_lists_and_shows_without_ever_showing_a_token(queue: ReviewQueue) -> None:
    secret = "AAAA" * 30
    broken = f'{{"taskToken": "{secret}", "orderId": '
    intake.accept(queue, [factories.received(broken)])
    row = QuarantinedMessage.objects.get()

    listed = json.loads(run("list", "--json"))
    shown = run("show", str(row.pk))

    assert listed[0]["id"] == str(row.pk)
    assert listed[0]["reason"] == "not_json"
    assert "1 messages" in run("list")
    assert '"orderId"' in shown
    assert secret not in shown + json.dumps(listed)
    assert "No message" in str(refused("show", str(uuid.uuid4())))
