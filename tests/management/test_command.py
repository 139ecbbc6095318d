"""What the commands share: one line and an exit code for a user's mistake."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from approvals.management import command
from approvals.models import (
    ReviewQueue,
    User,
)
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


def test_arguments_that_do_not_fit_together_end_with_2(queue: ReviewQueue) -> None:
    for wrong in (["grant", "ada@example.com"], ["grant", "a@b.c", queue.slug, "--site", "orders"]):
        with pytest.raises(CommandError) as refusal:
            run(*wrong)
        assert refusal.value.returncode == 2
    with pytest.raises(CommandError) as refusal:
        run("poll_queue", "--threads", "0")
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("text", ["yesterday", "2026-11-25", "2026-11-25T09:30:00", ""])
def test_a_time_needs_its_offset(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no time with its offset"):
        command.moment(text)


def test_a_time_with_an_offset_is_that_time() -> None:
    assert command.moment("2026-11-25T10:30:00+01:00") == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def test_a_database_that_does_not_answer_is_one_line(db: None) -> None:
    def away(*_: object) -> None:
        raise OperationalError("connection failed:\nno such host")

    with connection.execute_wrapper(away):
        line = refused("verify_audit")

    assert line == "The database does not answer: no such host"


def test_a_user_is_found_whatever_the_case_and_the_blanks_around(alice: User) -> None:
    assert command.ReviewCommand().user(" Alice@Example.com ") == alice
