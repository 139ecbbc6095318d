"""Fills the demo's database: `python -m local.supervisor.seed_database`, run by `seed()` only.

It reads the people as JSON from standard input and writes what was issued as JSON to standard
output. It runs the product's own commands; only the passwords, which no command takes, and the
queue's fields are set from here. It may run again on the same database.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from local.supervisor.demo_data import (
    FIELDS,
    POLICY,
    QUEUE,
    REASON_CODES,
    REVIEW_SECONDS,
    UNDO_SECONDS,
    Issued,
    Person,
)

django.setup()  # models can only be imported after it

from approvals.actions import queues  # noqa: E402
from approvals.actors import COMMAND_LINE  # noqa: E402


def main() -> None:
    """Create schema, queue, people and secrets."""
    people = [Person(**person) for person in json.load(sys.stdin)]
    _command("migrate", "--no-input")
    _command(
        "register_queue",
        QUEUE,
        *("--sqs-url", os.environ["REVIEW_QUEUE_URL"]),
        *("--name", "Manual review"),
        *("--region", os.environ["AWS_REGION"]),
        *("--undo-seconds", str(UNDO_SECONDS)),
        *("--timeout-seconds", str(REVIEW_SECONDS)),
    )
    for person in people:
        _command("grant", person.email, QUEUE, person.role, "--create")
        for right in person.site:
            _command("grant", person.email, "--site", right)
        _set_password(person)
    settings = {"fields": FIELDS, "policy": POLICY, "reason_codes": REASON_CODES}
    queues.save(QUEUE, settings, by=COMMAND_LINE)
    # With the time in its name: a database that was kept has the token of the demo before.
    name = f"demo {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    token = _command("create_api_token", people[0].email, "--name", name)
    secret = _command("create_webhook_secret", "demo", "--queue", QUEUE)
    json.dump(asdict(Issued(token.strip(), secret.strip())), sys.stdout)


def _command(name: str, *arguments: str) -> str:
    """Run a management command and return its standard output."""
    output = io.StringIO()
    call_command(name, *arguments, stdout=output, stderr=sys.stderr)
    return output.getvalue()


def _set_password(person: Person) -> None:
    user = get_user_model().objects.get(email=person.email)
    user.set_password(person.password)
    user.save(update_fields=["password"])


if __name__ == "__main__":
    main()
