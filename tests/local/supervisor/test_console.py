"""What the demo prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.supervisor import console
from local.supervisor.demo_data import people


def test_the_welcome_says_where_it_runs_and_how_each_person_signs_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    everybody = people("pass-word")

    console.welcome("http://127.0.0.1:8000", everybody, Path("var/demo/logs"))

    lines = capsys.readouterr().out.splitlines()
    assert "Countersign is running at http://127.0.0.1:8000" in lines
    for person in everybody:
        (line,) = [line for line in lines if person.email in line]
        assert line.split()[:2] == [person.email, "pass-word"]
        assert line.endswith(f"({', '.join([person.role, *person.site])})")


def test_the_command_that_decides_a_review_is_one_line_for_a_shell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.how_to_decide("http://127.0.0.1:8000", "the-token", "review-1")

    (command,) = [line for line in capsys.readouterr().out.splitlines() if "curl" in line]
    assert command.startswith(
        "curl -X POST http://127.0.0.1:8000/api/v1/reviews/review-1/decisions/"
    )
    assert "Authorization: Bearer the-token" in command
    assert command.endswith("""-d '{"outcome": "approved"}'""")
