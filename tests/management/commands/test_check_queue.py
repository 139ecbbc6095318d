"""`check_queue`: a line for each finding, and exit code 3 where something should be done."""

from __future__ import annotations

import pytest

from approvals.models import ReviewQueue
from approvals.polling import checking
from approvals.polling.checking import Finding, Level
from tests.management.command_line import ended, refused

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("level", "code"), [(Level.OK, 0), (Level.WARNING, 3), (Level.PROBLEM, 3)])
def test_each_finding_is_a_line_and_the_worst_decides_the_exit_code(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch, level: Level, code: int
) -> None:
    findings = [Finding(Level.OK, "A standard queue."), Finding(level, "Kept for 4 days.")]
    monkeypatch.setattr(checking, "check", lambda of: findings if of == queue else [])

    lines = f"ok       A standard queue.\n{level:<8} Kept for 4 days.\n"
    assert ended("check_queue", queue.slug) == (code, lines)


def test_a_queue_it_does_not_know_is_named(queue: ReviewQueue) -> None:
    assert refused("check_queue", "nowhere") == "No queue 'nowhere': register_queue makes one."
