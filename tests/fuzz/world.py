"""What the fuzz meets: people of each role, tokens of each scope, and rows in each of their states."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID

from django.db.models.functions import Now

from approvals import messages
from approvals.actions import assignment, credentials, decisions, intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import (
    ApiToken,
    OrderExecution,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
)
from approvals.models.choices import Outcome
from approvals.orchestration import fulfillment
from approvals.orchestration.batches import acceptance, runner, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.untrusted.strict_json import Unreadable
from tests import factories
from tests.api import signing
from tests.bulk import begun
from tests.factories import actor

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
QUEUE, HIDDEN = "manual-review", "refunds"
POISON = ("{", "[]", '{"orderId": "1"}', '{"taskToken": 7}')
ENDS = ("expired", "superseded", "orphaned")
_numbers = itertools.count(1)


@dataclass
class World:
    """Rows that requests can name, and who may name them; `refill` replaces what requests used up."""

    seed: int
    stock: int = 8  # rows of a kind, at most
    tokens: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    spare: dict[str, list[str]] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def build(self) -> None:
        """Make the people, their tokens and the first rows."""
        self.queue = factories.queue(
            QUEUE, output_schema={"type": "object"}, undo_seconds=3_600, lease_seconds=3_600
        )
        self.hidden = factories.queue(HIDDEN)
        self.lead = person("lead", role="lead", sites=("orders", "auditor", "operator"))
        self.other = person("other", role="reviewer")
        self.tokens = {
            "everything": token(self.lead),
            "reviewer": token(self.other),
            "viewer": token(person("viewer", role="viewer")),
            "outsider": token(factories.user("outsider@example.com")),
            "read_only": token(self.lead, "read"),
            "decide_only": token(self.lead, "decide"),
            "orders_only": token(self.lead, "orders"),
        }
        self.sender = signing.issue("fuzz")
        self.keepers: dict[str, tuple[int, Callable[[], str]]] = {
            "pending": (8, self._review),
            "held": (6, self._held),
            "undoable": (6, self._decided),
            "ended": (3, self._ended),
            "hidden": (2, lambda: str(factories.review(self.hidden).pk)),
            "order": (6, self._order),
            "failed order": (3, lambda: self._order("failed")),
            "running order": (3, lambda: self._order("running")),
            "batch": (2, self._batch),
            "bulk": (3, self._bulk),
            "quarantined": (6, self._quarantined),
            "poison": (2, self._poison),
        }
        self.spare = {kind: [] for kind in self.keepers}
        self.refill()

    def refill(self) -> None:
        """Bring every kind of row back to its number; what a request has named is not offered again."""
        for kind, (number, make) in self.keepers.items():
            while len(self.spare[kind]) < min(number, self.stock):
                self.spare[kind].append(make())

    def take(self, *kinds: str, keep: bool = False) -> str:
        """The id of a row of one of these kinds; unless it is kept, nobody else will get it."""
        kind = self.random.choice(kinds)
        if not self.spare[kind]:
            self.refill()
        row = self.random.choice(self.spare[kind])
        if not keep:
            self.spare[kind].remove(row)
        return row

    def sometimes(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random.random() < share

    def _review(self, **fields: Any) -> str:
        return str(factories.review(self.queue, **fields).pk)

    def _held(self) -> str:
        row = assignment.claim(UUID(self._review()), by=actor(self.lead, "api"))
        self.held[str(row.pk)] = str(row.lease_id)
        return str(row.pk)

    def _decided(self) -> str:
        outcome = self.random.choice(list(Outcome))
        review = UUID(self._review(timeoutSeconds=86_400))
        row = decisions.decide(review, outcome, by=actor(self.lead))
        return str(row.decision_id)

    def _ended(self) -> str:
        pk = self._review()
        ReviewTask.objects.filter(pk=pk).update(status=self.random.choice(ENDS))
        return pk

    def _order(self, status: str = "") -> str:
        order_id = f"FUZZ-{next(_numbers)}"
        row, _ = fulfillment.start_order_fulfillment(
            {"order_id": order_id}, by=actor(self.lead, "api")
        )
        status = status or self.random.choice(OrderExecution.Status.values)
        arn = "" if status in {"pending", "refused"} else f"{MACHINE}:{row.name}"
        refusal = "InvalidExecutionInput" if status == "refused" else ""
        changes: dict[str, Any] = {"status": status, "execution_arn": arn, "refusal": refusal}
        OrderExecution.objects.filter(pk=row.pk).update(
            started_at=Now() if arn else None, **changes
        )
        return order_id

    def _bulk(self) -> str:
        return str(begun([factories.review(self.queue)], self.lead).pk)

    def _batch(self) -> str:
        body = f'[{{"order_id": "FUZZ-{next(_numbers)}"}}, {{}}]'
        made = acceptance.accept(
            sources.of_body(body),
            BatchOptions("executions"),
            body=body,
            by=actor(self.lead, "api"),
        )
        runner.Runner(made.pk).turn()
        return str(made.pk)

    def _quarantined(self) -> str:
        """A message that an older release could not read, and this one can: replaying it works."""
        unreadable = Unreadable("not_json", "An older release could not read this.")
        with mock.patch.object(messages, "parse", side_effect=unreadable):
            return self._poison(json.dumps(factories.message()))

    def _poison(self, body: str = "") -> str:
        arrival = factories.received(body or self.random.choice(POISON))
        intake.accept(self.queue, [arrival])
        return str(QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id).pk)


def person(name: str, *, role: str, sites: tuple[str, ...] = ()) -> User:
    """A user with this role in the queue and these rights outside."""
    made = factories.user(f"{name}@example.com", role, ReviewQueue.objects.get(slug=QUEUE))
    for site in sites:
        people.grant_site(made, site, by=COMMAND_LINE)
    return made


def token(user: User, *scopes: str) -> str:
    """A fresh token of a user, of these scopes."""
    name = f"fuzz {next(_numbers)}"
    made = credentials.issue_token(user, name, by=COMMAND_LINE)
    ApiToken.objects.filter(user=user, name=name).update(scopes=list(scopes))
    return made


def useless_tokens(user: User) -> dict[str, str | None]:
    """What may not open anything, by what is wrong with it."""
    expired, revoked = token(user), token(user)
    of_nobody = factories.user("gone@example.com", "lead", ReviewQueue.objects.get(slug=QUEUE))
    gone = token(of_nobody)
    User.objects.filter(pk=of_nobody.pk).update(is_active=False)
    latest = ApiToken.objects.filter(user=user).order_by("-created")
    _mark(latest[1], expiry=Now() - timedelta(seconds=1))
    _revoke(latest[0])
    return {"none": None, "bad": "0" * 64, "expired": expired, "revoked": revoked, "gone": gone}


def _mark(row: ApiToken, **changes: Any) -> None:
    ApiToken.objects.filter(pk=row.pk).update(**changes)


def _revoke(row: ApiToken) -> None:
    """As an operator does it: the token stays for its audit, and opens nothing."""
    _mark(row, revoked_at=Now())
