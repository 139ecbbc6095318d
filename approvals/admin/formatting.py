"""Texts of the admin pages: documents as JSON, ages in words, the newest events of a chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals import broken_rows
from approvals.broken_rows import BrokenRow
from approvals.models import AuditEvent
from approvals.spans import span
from approvals.untrusted.display import MAX_SHOWN, beginning, indented_json, visible, visible_json

NEWEST = 50  # events of a chain on the page of its row


def document(value: Any) -> str:
    """A JSON document as indented text; parsing the text gives the same document."""
    return visible_json(json.dumps(value, ensure_ascii=False, indent=2))


def text(column: str) -> Callable[[Any], str]:
    """A column as plain text without a link, for untrusted text and for rows without a page."""

    def value_of(row: Any) -> str:
        value = getattr(row, column)
        return "-" if value is None else visible(str(value))

    value_of.__name__ = column
    return admin.display(description=column.replace("_", " "))(value_of)


def block(text: str) -> SafeString:
    """Preformatted text, cut after display.MAX_SHOWN bytes or characters."""
    return format_html('<pre class="block">{}</pre>', visible(beginning(text))[:MAX_SHOWN])


def linked_block(text: str, url: str) -> SafeString:
    """Preformatted text; if it is cut, a link to all of it stands above."""
    is_cut = len(visible(beginning(text))) > MAX_SHOWN or len(beginning(text)) < len(text)
    return _linked(text, url, is_cut=is_cut)


def linked_document(value: Any, url: str) -> SafeString:
    """A JSON value as such text, written no further than it is shown."""
    text, is_cut = indented_json(value)
    return _linked(text, url, is_cut=is_cut)


def _linked(text: str, url: str, *, is_cut: bool) -> SafeString:
    shown = block(text)
    if not is_cut:
        return shown
    link = '<p>These are its first 256 kB. <a href="{}">Download all of it</a></p>{}'
    return format_html(link, url, shown)


def age(at: datetime | None) -> SafeString | str:
    """How long ago something happened, or how long until it does, with the exact time as a tooltip."""
    if at is None:
        return "never"
    now = timezone.now()
    words = f"{span(now - at)} ago" if at <= now else f"in {span(at - now)}"
    return _time(at, words, moment(at))


def moment(at: datetime | None) -> str:
    """A time in the person's own zone, which is named: `2026-11-29 14:05:09 CET`; 24 hours, as on the desk."""
    if at is None:
        return "-"
    there = timezone.localtime(at)
    name = there.tzname() or ""
    return f"{there:%Y-%m-%d %H:%M:%S} {f'UTC{name}' if name[:1] in '+-' else name}"


def _time(at: datetime, text: str, title: str) -> SafeString:
    iso = at.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, title, text)


def ago(column: str, label: str = "") -> Callable[[Any], str]:
    """A column of a list: how long ago its time was, or how long until then."""

    def value_of(row: Any) -> str:
        at = getattr(row, column)
        return "-" if at is None else age(at)

    value_of.__name__ = column
    return admin.display(description=label or column.replace("_", " "))(value_of)


def when(column: str, label: str = "") -> Callable[[Any], str]:
    """A column of a row's page: its time, and how long ago that was."""

    def value_of(row: Any) -> str:
        at = getattr(row, column)
        return "-" if at is None else format_html("{} ({})", moment(at), age(at))

    value_of.__name__ = column
    return admin.display(description=label or column.replace("_", " "))(value_of)


def two_lines(first: Any, second: Any) -> SafeString:
    """A cell with a quieter second line."""
    if not second:
        return format_html("{}", first)
    return format_html('{}<span class="quiet-line">{}</span>', first, second)


def events(chain: str) -> list[tuple[AuditEvent, list[tuple[str, str]]] | BrokenRow]:
    """The newest events of a chain, the latest first, each with its details as names and texts."""
    newest = AuditEvent.objects.filter(chain=chain).order_by("-seq")[:NEWEST]
    return broken_rows.all_shown(newest, _details)


def _details(event: AuditEvent) -> tuple[AuditEvent, list[tuple[str, str]]]:
    return event, [(name, _detail(value)) for name, value in event.data.items()]


def _detail(value: Any) -> str:
    return visible(value) if isinstance(value, str) else document(value)
