"""What entries and events are about: the reference of a review, an order, a queue or a person, with a link.

A list shows these in place of ids. All of a page are found by one statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, QuerySet, UUIDField, Value
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.admin.permissions import permissions
from approvals.models import (
    BatchExecution,
    Decision,
    OrderBatch,
    OrderExecution,
    OrderIntervention,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from approvals.untrusted.display import visible

LONGEST_LABEL = 80
TEXT = CharField()


@dataclass(frozen=True)
class Subject:
    """What something is about: its kind in words, its name, where it is shown, and the name of its queue."""

    kind: str
    label: str
    url: str = ""
    queue: str = ""
    chain: str = ""  # of its audit events

    def __str__(self) -> str:
        return f"{self.kind} {self.label}".strip()

    @property
    def link(self) -> SafeString | str:
        """Its name, as a link if the reader may open it."""
        label = visible(self.label)[:LONGEST_LABEL] or f"{self.kind} without a name"
        return format_html('<a href="{}">{}</a>', self.url, label) if self.url else label


UNKNOWN = Subject("", "")


@dataclass(frozen=True)
class _Found:
    kind: str
    key: UUID
    label: str
    queue: str
    queue_id: UUID | None
    page: UUID | None


def of_entries(request: HttpRequest, entries: Iterable[OutboxEntry]) -> dict[UUID, Subject]:
    """The subject of each entry, by the id of its own subject: the review or the order behind it."""
    keys: dict[str, list[UUID]] = {}
    for entry in entries:
        keys.setdefault(_kind_of(entry), []).append(entry.subject)
    return {found.key: _subject(request, found) for found in _found(keys)}


def of_chains(request: HttpRequest, chains: Iterable[str]) -> dict[str, Subject]:
    """The subject of each chain of audit events, by the chain's name."""
    keys: dict[str, list[UUID]] = {}
    for chain in set(chains):
        kind, _, key = chain.partition(":")
        try:
            keys.setdefault(kind, []).append(UUID(key))
        except ValueError:
            continue
    return {f"{found.kind}:{found.key}": _subject(request, found) for found in _found(keys)}


def _kind_of(entry: OutboxEntry) -> str:
    if entry.lane == OutboxEntry.Lane.CALLBACKS:
        return "decision"
    kinds = {OutboxEntry.Kind.START: "order", OutboxEntry.Kind.START_BATCH: "batch-execution"}
    return kinds.get(OutboxEntry.Kind(entry.kind), "intervention")


def _found(keys: dict[str, list[UUID]]) -> list[_Found]:
    """One statement for all kinds."""
    parts = [_rows(kind, ids) for kind, ids in keys.items() if kind in _KINDS]
    if not parts:
        return []
    rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    return [_Found(*row) for row in rows]


# Of each kind: the model, its name, its queue's path ("" for none), and the key of the page that shows it.
_KINDS: dict[str, tuple[Any, str, str, str]] = {
    "review": (ReviewTask, "reference", "queue", "pk"),
    "decision": (Decision, "review__reference", "review__queue", "review"),
    "order": (OrderExecution, "order_id", "", "pk"),
    "intervention": (OrderIntervention, "order__order_id", "", "order"),
    "batch": (OrderBatch, "source", "", "pk"),
    "batch-execution": (BatchExecution, "name", "", "batch"),
    "quarantine": (QuarantinedMessage, "reason", "queue", "pk"),
    "queue": (ReviewQueue, "name", "", "pk"),
    "user": (User, "email", "", "pk"),
    "webhook": (WebhookSecret, "name", "queue", "pk"),
}
_WORDS = {
    "decision": "review",
    "intervention": "order",
    "batch-execution": "batch execution",
    "quarantine": "message",
    "webhook": "webhook secret",
}


def _rows(kind: str, ids: list[UUID]) -> QuerySet[Any, Any]:
    model, label, queue, page = _KINDS[kind]
    nothing, no_key = Value("", TEXT), Cast(Value(None), UUIDField())
    return model.objects.filter(pk__in=ids).values_list(  # type: ignore[no-any-return]
        Value(kind, TEXT),
        F("pk"),
        Cast(F(label), TEXT),
        Cast(F(f"{queue}__name"), TEXT) if queue else nothing,
        F(f"{queue}_id") if queue else no_key,
        F(page),
    )


def _subject(request: HttpRequest, found: _Found) -> Subject:
    kind = _WORDS.get(found.kind, found.kind)
    chain = f"{found.kind}:{found.key}"
    if found.kind in {"decision", "intervention"}:  # recorded on the chain of their review or order
        chain = f"{kind}:{found.page}"
    return Subject(kind, found.label or "", _url(request, kind, found), found.queue or "", chain)


def _url(request: HttpRequest, kind: str, found: _Found) -> str:
    """Where it is shown; empty if this person may not open that page."""
    granted = permissions(request)
    if kind == "review":
        return reverse("review", args=[found.page]) if found.queue_id in granted.queues else ""
    if kind in {"order", "batch", "batch execution"}:
        name = "attempt" if kind == "order" else "order_batch"
        return reverse(name, args=[found.page]) if granted.sees_orders else ""
    names = {
        "message": "quarantinedmessage",
        "queue": "reviewqueue",
        "user": "user",
        "webhook secret": "webhooksecret",
    }
    if kind not in names or not granted.inspects:
        return ""
    return reverse(f"admin:approvals_{names[kind]}_change", args=[found.page])
