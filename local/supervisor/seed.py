"""Fills the demo's empty database: schema, queue, people, one API token and one webhook secret.

`seed()` is called by the supervisor and runs this module as a child, because only a process with
the demo's environment can load Django's settings. What it does there are the product's own
commands; only the passwords, which no command takes, are set through the user model.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from local.processes import LocalError, dying_with_me

QUEUE = "manual-review"
REVIEW_SECONDS = 4 * 60 * 60
_UNDO_SECONDS = 10
_SEED_SECONDS = 180
FIELDS = [
    {"path": "input.total", "label": "Total", "kind": "money", "role": "amount"},
    {"path": "input.customer.name", "label": "Customer", "kind": "text", "role": "customer"},
]


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in to the demo: their role in the queue, and rights outside of it."""

    email: str
    role: str
    password: str
    site: tuple[str, ...] = ()


@dataclass(frozen=True)
class Issued:
    """The secrets that scripts reach the demo with."""

    api_token: str
    webhook_secret: str


def people(password: str) -> list[Person]:
    """Return who works in the demo, the one who owns the API token first."""
    return [
        Person("lead@example.com", "lead", password, ("orders", "operator", "auditor")),
        Person("ada@example.com", "reviewer", password),
        Person("viewer@example.com", "viewer", password),
    ]


def seed(environment: Mapping[str, str], everybody: Sequence[Person], log: Path) -> Issued:
    """Prepare the database that `environment` names and return what was issued there.

    May run on a database that was seeded before. Raises `LocalError` with the last line of `log`.
    """
    with log.open("wb") as complaints:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "local.supervisor.seed"],
                cwd=Path(__file__).parents[2],
                env=dict(environment),
                input=json.dumps([asdict(person) for person in everybody]).encode(),
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
                preexec_fn=dying_with_me(),
                timeout=_SEED_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            raise LocalError(
                f"the database was not prepared in {_SEED_SECONDS} s: see {log}"
            ) from slow
    if done.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise LocalError(f"the database could not be prepared: {lines[-1].strip()} (see {log})")
    return Issued(**json.loads(done.stdout))


def main() -> None:
    """Read the people from standard input, do it all, and print what was issued, as JSON."""
    everybody = [Person(**person) for person in json.load(sys.stdin)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415 - this is the process that may

    django.setup()
    _command("migrate", "--no-input")
    _command(
        "register_queue",
        QUEUE,
        *("--sqs-url", os.environ["REVIEW_QUEUE_URL"]),
        *("--name", "Manual review"),
        *("--region", os.environ["AWS_REGION"]),
        *("--undo-seconds", str(_UNDO_SECONDS)),
        *("--timeout-seconds", str(REVIEW_SECONDS)),
    )
    for person in everybody:
        _command("grant", person.email, QUEUE, person.role, "--create")
        for right in person.site:
            _command("grant", person.email, "--site", right)
        _set_password(person)
    _say_what_orders_hold()
    name = f"demo {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"  # a kept database has the last one's token
    token = _command("create_api_token", everybody[0].email, "--name", name)
    secret = _command("create_webhook_secret", "demo", "--queue", QUEUE)
    json.dump(asdict(Issued(token.strip(), secret.strip())), sys.stdout)


def _command(name: str, *arguments: str) -> str:
    from django.core.management import call_command  # noqa: PLC0415

    said = io.StringIO()
    call_command(name, *arguments, stdout=said, stderr=sys.stderr)
    return said.getvalue()


def _say_what_orders_hold() -> None:

    queues.save(QUEUE, {"fields": FIELDS}, by=COMMAND_LINE)


def _set_password(person: Person) -> None:
    from django.contrib.auth import get_user_model  # noqa: PLC0415

    user = get_user_model().objects.get(email=person.email)
    user.set_password(person.password)
    user.save(update_fields=["password"])


if __name__ == "__main__":
    main()
