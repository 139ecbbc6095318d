"""What the demo's database starts with: a queue, people, one API token and one webhook secret.

`seed()` runs `seed_database` as a child process, because only a process with the demo's environment
can load Django's settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.processes import LocalError, dying_with_me

QUEUE = "manual-review"
REVIEW_SECONDS = 4 * 60 * 60
UNDO_SECONDS = 10
_SEED_SECONDS = 180
FIELDS = [
    {
        "path": "input.total",
        "label": "Total",
        "kind": "money",
        "role": "amount",
        "flag_when": {"above": 1000},
    },
    {"path": "input.customer.name", "label": "Customer", "kind": "text", "role": "customer"},
]


POLICY = {"reason_required_for": ["rejected"]}
REASON_CODES = [
    {
        "code": "fraud",
        "label": "Fraud suspected",
        "template": "The payment looks fraudulent.",
        "outcomes": ["rejected"],
    },
    {
        "code": "price",
        "label": "Price is wrong",
        "template": "The lines do not add up to the total.",
        "outcomes": ["rejected"],
    },
    {
        "code": "stock",
        "label": "Cannot be delivered",
        "template": "The goods cannot be delivered in time.",
        "outcomes": ["rejected"],
    },
    {
        "code": "customer",
        "label": "Customer cancelled",
        "template": "The customer has cancelled the order.",
        "outcomes": ["rejected"],
    },
    {
        "code": "checked",
        "label": "Checked with the customer",
        "template": "",
        "outcomes": ["approved"],
    },
]


@dataclass(frozen=True)
class Person:
    """A person who can sign in to the demo, with a role in the queue and rights outside of it."""

    email: str
    role: str
    password: str
    site: tuple[str, ...] = ()

    @property
    def roles(self) -> str:
        """The role in the queue and the rights outside of it, as a text."""
        return ", ".join((self.role, *self.site))


@dataclass(frozen=True)
class Issued:
    """The secrets that scripts use to reach the demo."""

    api_token: str
    webhook_secret: str


def people(password: str) -> list[Person]:
    """Return the people of the demo; the first one owns the API token."""
    return [
        Person("lead@example.com", "lead", password, ("orders", "operator", "auditor")),
        Person("ada@example.com", "reviewer", password, ("orders",)),
        Person("viewer@example.com", "viewer", password),
    ]


def seed(environment: Mapping[str, str], everybody: Sequence[Person], log: Path) -> Issued:
    """Prepare the database that `environment` names and return what was issued there.

    May run on a database that was seeded before. Raises `LocalError` with the last line of `log`.
    """
    with log.open("wb") as errors:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "local.supervisor.seed_database"],
                cwd=Path(__file__).parents[2],
                env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
                input=json.dumps([asdict(person) for person in everybody]).encode(),
                stdout=subprocess.PIPE,
                stderr=errors,
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
        lines = log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"]
        raise LocalError(f"the database could not be prepared: {lines[-1].strip()} (see {log})")
    return Issued(**json.loads(done.stdout))
