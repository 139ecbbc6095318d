"""The example webhook client: two words decide, and nothing is sent for any other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.paths import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "decide_by_webhook.py"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def run(*arguments: str, secret: str | None = SECRET) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WEBHOOK_SECRET"}
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        env=environment | ({"WEBHOOK_SECRET": secret} if secret else {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "word",
    [
        "approved",
        "APPROVE",
        "Approve",
        "approve ",
        "aprove",
        "yes",
        "true",
        "rejected",
        "",
        "-",
        "deny",
    ],
)
def test_a_word_that_is_neither_approve_nor_reject_sends_nothing_and_ends_with_2(word: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]

        done = run(f"http://127.0.0.1:{port}", "ada@example.com", word, "0199")

        with pytest.raises(BlockingIOError):
            listening.accept()
    assert (done.returncode, done.stdout) == (2, "")
    assert "approve|reject" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("count", range(4))
def test_too_few_arguments_end_with_2(count: int) -> None:
    done = run(*["http://127.0.0.1:1", "ada@example.com", "approve", "0199"][:count])

    assert (done.returncode, "approve|reject" in done.stderr, "Traceback" in done.stderr) == (
        2,
        True,
        False,
    )


def test_without_a_secret_it_says_how_it_is_called() -> None:
    done = run("http://127.0.0.1:1", "ada@example.com", "reject", "0199", secret=None)

    assert (done.returncode, "WEBHOOK_SECRET=" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
