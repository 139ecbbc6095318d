"""Filters and tags with which the desk's templates show times and untrusted text: `{% load desk %}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from approvals import spans
from approvals.templatetags import icons
from approvals.templatetags.bounded_filters import truncatechars
from approvals.untrusted import comment_text, display
from approvals.web import edit_form, markup, relative_times, toasts
from approvals.web.access import access_of
from approvals.web.deadlines import Deadline
from approvals.web.list_filters import SortLink

register = template.Library()
KEPT = 64  # kinds of deadlines, and of states
STATUS_ICONS: Mapping[str, str] = {"approved": "check", "rejected": "x-mark", "pending": "clock"}
register.simple_tag(relative_times.relative_time)
register.simple_tag(relative_times.age)
register.simple_tag(relative_times.countdown)
register.simple_tag(toasts.undo_of)
register.filter("listed", edit_form.listed)


@register.simple_tag(takes_context=True)
def clock(context: Context, at: datetime | None, pattern: str, named: bool = True) -> str:
    """A time in the person's own zone, such as `14:05 CET`, or `14:05`; for an attribute."""
    if at is None:
        return ""
    request = getattr(context, "request", None)
    zone = access_of(request).zone if request else UTC
    return relative_times.local(at, zone, pattern, named=named)


@register.simple_tag(takes_context=True)
def moment(
    context: Context, at: datetime | None, pattern: str, named: bool = True
) -> SafeString | str:
    """A time in the person's own zone, with UTC in the tooltip."""
    if at is None:
        return ""
    exact, title = relative_times.in_utc(at)
    shown = clock(context, at, pattern, named)
    return markup.filled('<time datetime="{}" title="{} UTC">{}</time>', exact, title, shown)


@register.filter(is_safe=False)
def plain(value: object) -> str:
    """Untrusted text with its invisible characters written out; autoescaping applies as well."""
    return "" if value is None else display.visible(value)


@register.filter(is_safe=False)
def shortened(value: object, length: int) -> str:
    """What `plain` shows of a text, cut to so many characters by our own `truncatechars`."""
    return str(truncatechars(plain(value), length))


@register.simple_tag
def due(deadline: Deadline, now: datetime) -> SafeString:
    """How near the deadline of a review is."""
    head = _due_head(deadline.tone, deadline.icon, deadline.label)
    when = relative_times.relative_time(deadline.at, now)
    return SafeString(f'{head} <span class="due-when">{when}</span></span></span>')


@lru_cache(maxsize=KEPT)
def _due_head(tone: str, icon: str, label: str) -> SafeString:
    pattern = '<span class="due due-{}">{}<span><span class="due-word">{}</span>'
    return markup.filled(pattern, tone, icons.drawn(icon, 18), label)


@register.simple_tag
@lru_cache(maxsize=KEPT)
def status_badge(status: str) -> SafeString:
    """The status of a review, or the outcome of a decision."""
    icon = icons.drawn(STATUS_ICONS.get(status, "no-symbol"), 14)
    return markup.filled(
        '<span class="status status-{}">{}{}</span>', status, icon, str(status).title()
    )


@register.simple_tag
def sort_link(link: SortLink) -> SafeString:
    """The head of a column that sorts the list."""
    arrow = ""
    if link.direction:
        up = link.direction == "ascending"
        arrow = icons.drawn("chevron-up" if up else "chevron-down", 14)
    how = f", sorted, {link.direction}" if link.direction else ", sort"
    return markup.filled(
        '<a href="?{}">{}{}<span class="sr-only">{}</span></a>', link.query, link.label, arrow, how
    )


@register.filter
def linked(value: str) -> SafeString:
    """A comment with its links; every part is shown as `plain` shows it, and escaped."""
    link = '<a class="link" href="{}" rel="noopener noreferrer nofollow">{}</a>'
    parts = [
        format_html(link, address, display.visible(text)) if address else display.visible(text)
        for text, address in comment_text.parts(value)
    ]
    return format_html_join("", "{}", ((part,) for part in parts))


@register.filter
def lasted(step: Any) -> str:
    """How long a step of a history took."""
    length = step.left_at - step.at
    if length.total_seconds() < 1:
        return "took under a second"
    return f"took {spans.span(length)}"


@register.filter
def initials(user: Any) -> str:
    """Two letters for a person."""
    words = [word for word in display.visible(user.display).replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
