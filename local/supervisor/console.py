"""What the demo prints: progress, where it runs, how to sign in, and how to decide a review."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from local.supervisor.demo_data import Person


def say(line: str, end: str = "\n") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}{end}")
    sys.stdout.flush()


def welcome(url: str, people: Sequence[Person], logs: Path) -> None:
    """Print the address, and e-mail address, password and role of each person."""
    say(f"\nCountersign is running at {url}\n")
    say("Sign in as")
    for person in people:
        say(f"    {person.email:<20} {person.password}   ({person.roles})")
    say(f"\nOrders keep arriving; some need you. Logs: {logs}")
    say(f"Settings of queues, people and tokens: {url}/admin/ as an operator.")
    say('Any command with the settings of this demo: make manage ARGS="grant --help"')
    say("Ctrl-C stops everything.")


def how_to_decide(url: str, token: str, review: str) -> None:
    """Print a shell command that approves a review."""
    say("\nDecide a review from a shell:")
    say(
        f"curl -X POST {url}/api/v1/reviews/{review}/decisions/"
        f' -H "Authorization: Bearer {token}" -H "Content-Type: application/json"'
        """ -d '{"outcome": "approved"}'\n"""
    )
