"""What the demo tells people and scripts: progress, where to look, `var/demo.json`."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.supervisor.seed import QUEUE, Issued, Person
from local.supervisor.surroundings import write_private

# A proxy that the shell names has no business between us and our own port.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def say(line: str, end: str = "\n") -> None:
    """Show a line to the person in front of the demo."""
    sys.stdout.write(f"{line}{end}")
    sys.stdout.flush()


def write_found(
    path: Path,
    environment: Mapping[str, str],
    everybody: Sequence[Person],
    outputs: Mapping[str, str],
    issued: Issued,
) -> None:
    """Write `var/demo.json`: how scripts reach this demo, with its secrets, for its owner only."""
    found = {
        "url": environment["PUBLIC_URL"],
        "api_token": issued.api_token,
        "users": [
            {"email": person.email, "password": person.password, "role": person.role}
            for person in everybody
        ],
        "aws_endpoint": environment["AWS_ENDPOINT_URL"],
        "region": environment["AWS_REGION"],
        "queue": QUEUE,
        "queue_url": outputs["ReviewQueueUrl"],
        "state_machine_arn": outputs["StateMachineArn"],
        "webhook_secret": issued.webhook_secret,
    }
    write_private(path, json.dumps(found, indent=2))


def welcome(url: str, everybody: Sequence[Person], logs: Path) -> None:
    """Say where to look and how to sign in."""
    say(f"\nCountersign is running at {url}\n")
    say("Sign in as")
    for person in everybody:
        say(f"    {person.email:<20} {person.password}   ({person.role})")
    say(f"\nOrders keep arriving; some need you. Logs: {logs}")
    say("Ctrl-C stops everything.")


def how_to_decide(url: str, token: str, review: str) -> None:
    """Print one line for the shell that decides a review."""
    say("\nDecide a review from a shell:")
    say(
        f"curl -X POST {url}/api/v1/reviews/{review}/decisions/"
        f' -H "Authorization: Bearer {token}" -H "Content-Type: application/json"'
        """ -d '{"outcome": "approved"}'\n"""
    )


def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    try:
        with _direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def first_review(url: str, token: str) -> str | None:
    """Return the id of an open review, or None while there is none."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{url}/api/v1/reviews/?queue={QUEUE}&page_size=1",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    try:
        with _direct.open(request, timeout=5) as answer:
            results: list[dict[str, Any]] = json.load(answer)["results"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(results[0]["id"]) if results else None
