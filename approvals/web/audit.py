"""The audit trail for auditors: a page of events with filters, and exports of all that the filters find."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import broken_rows, pagination
from approvals.actions import exports
from approvals.exceptions import Invalid
from approvals.models import AuditEvent
from approvals.policy import Action
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind
from approvals.untrusted import display
from approvals.web import exported_files
from approvals.web.audit_search import (
    NEWEST_FIRST,
    AuditFilter,
    Search,
    events,
    first_events,
    in_order,
)
from approvals.web.decorators import DeskRequest, desk
from approvals.web.timeline import DESCRIPTIONS

PAGE_SIZE = 50
LONGEST_VALUE = 200  # characters of a detail on the page
COLUMNS = (
    *(
        "at",
        "chain",
        "seq",
        "kind",
        "actor",
        "on_behalf_of",
        "surface",
        "data",
        "prev_hash",
        "hash",
    ),
)
FORMATS = {"csv": exported_files.CSV, "jsonl": "application/x-ndjson"}


@dataclass(frozen=True)
class EventRow:
    """An event as the page shows it; `details` are names and texts, a change as `before → after`.

    `changed` says that they are changes, which are shown unfolded.
    """

    event: AuditEvent
    description: str
    subject: str
    address: str
    details: list[tuple[str, str]]
    changed: bool


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The newest events that the filters in the URL find."""
    request.access.may(Action.INSPECT).or_raise()
    now = request.access.now
    form = AuditFilter(request.GET, now, request.access.zone)
    context: dict[str, Any] = {
        "now": now,
        "form": form,
        "zone": request.access.zone,
        "rows": [],
        "page": None,
    }
    if form.is_valid():
        search = Search(**form.cleaned_data)
        rows, cursor = events(search), request.GET.get("cursor", "")
        start = pagination.first_value(cursor, rows, NEWEST_FIRST) or search.until or now
        start = None if search.about else start
        page = pagination.page(
            rows,
            NEWEST_FIRST,
            size=PAGE_SIZE,
            cursor=cursor,
            narrow=partial(first_events, start=start, end=search.since),
        )
        given = {name: text for name, text in request.GET.items() if text and name in form.fields}
        context |= {
            "rows": broken_rows.all_shown(
                page.rows, partial(_row, readable=_readable(request, page.rows))
            ),
            "page": page,
            "search": search,
            "query": urlencode(given),
            "given": given,
        }
    return render(request, "approvals/audit.html", context)


@desk("POST")
def export(request: DeskRequest) -> StreamingHttpResponse:
    """All events that the posted filters find, the oldest first, as CSV or JSON lines; itself an event."""
    form = AuditFilter(request.POST, request.access.now, request.access.zone)
    kind = request.POST.get("format", "csv")
    if kind not in FORMATS:
        raise Invalid("format is csv or jsonl.", pointer="/format")
    if not form.is_valid():
        raise Invalid.from_validation(ValidationError(form.errors.as_data()))
    search = Search(**form.cleaned_data)
    exports.record_trail_export(kind, search.as_data(), by=request.actor)
    lines = _csv(in_order(search)) if kind == "csv" else _json_lines(in_order(search))
    name = f"audit-{request.access.now:%Y%m%dT%H%M%SZ}.{kind}"
    return exported_files.attachment(name, lines, FORMATS[kind])


def _readable(request: DeskRequest, found: Iterable[AuditEvent]) -> set[str]:
    """The chains of those reviews among these events' that this person has a role to read."""
    if not request.access.queues:
        return set()
    chains = (event.chain.partition(":") for event in found)
    ids = {key for noun, _, key in chains if noun == "review"}
    readable = request.access.reviews().filter(pk__in=ids).values_list("pk", flat=True)
    return {audit.chain_of("review", pk) for pk in readable}


def _row(event: AuditEvent, readable: Collection[str]) -> EventRow:
    noun, _, key = event.chain.partition(":")
    known = DESCRIPTIONS.get(event.kind)
    words = known[2] if known else event.kind.replace(".", " ").replace("_", " ").capitalize()
    address = reverse("review", args=[key]) if event.chain in readable else ""
    details, changed = _details(event)
    return EventRow(event, words, f"{noun} {key[:8]}", address, details, changed)


def _details(event: AuditEvent) -> tuple[list[tuple[str, str]], bool]:
    """The details of an event as names and texts, and whether they are changes of what was there before."""
    data = dict(event.data)
    if event.kind in (AuditKind.QUEUE_CREATED, AuditKind.QUEUE_CHANGED):
        details = [(name, _setting(value)) for name, value in data.items()]
        return details, event.kind == AuditKind.QUEUE_CHANGED
    changed = event.kind == AuditKind.ROLE_GRANTED and "was" in data
    was = data.pop("was") if changed else None
    details = [(name, _text(value)) for name, value in data.items()]
    if changed:
        details = [(name, _change(was, text) if name == "role" else text) for name, text in details]
    return details, changed


def _setting(value: Any) -> str:
    """A setting of a queue, which is recorded as the list of what was before and after."""
    return _change(*value) if isinstance(value, list) and len(value) == 2 else _text(value)


def _change(before: Any, after: Any) -> str:
    return f"{_text(before)} → {_text(after)}"


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = display.visible(text[:LONGEST_VALUE])
    return shown if len(text) <= LONGEST_VALUE else f"{shown} …"


def _values(event: AuditEvent) -> tuple[Any, ...]:
    return (
        event.at.astimezone(UTC).isoformat(),
        event.chain,
        event.seq,
        event.kind,
        event.actor_name,
        event.on_behalf_of.email if event.on_behalf_of else None,
        event.surface,
        event.data,
        bytes(event.prev_hash).hex(),
        bytes(event.hash).hex(),
    )


def _csv(found: Iterable[AuditEvent]) -> Iterator[str]:
    return exported_files.lines(COLUMNS, (_cells(event) for event in found))


def _cells(event: AuditEvent) -> list[Any]:
    return [
        json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for value in _values(event)
    ]


def _json_lines(found: Iterable[AuditEvent]) -> Iterator[str]:
    for event in found:
        yield json.dumps(dict(zip(COLUMNS, _values(event), strict=True)), ensure_ascii=False) + "\n"
