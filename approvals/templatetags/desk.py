"""Filters and tags with which the desk's templates show times and untrusted text: `{% load desk %}`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.untrusted import display
from approvals.web.durations import span

register = template.Library()


@register.filter(is_safe=False)
def plain(value: object) -> str:
    """Untrusted text with its invisible characters written out; autoescaping applies as well."""
    return "" if value is None else display.visible(value)


@register.simple_tag
def moment(at: datetime | None, now: datetime) -> SafeString | str:
    """A time relative to `now`, with the exact one in the attributes `datetime` and `title`."""
    if at is None:
        return ""
    length = span(at - now)
    text = f"in {length}" if at > now else f"{length} ago"
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-moment>{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        text,
    )


@register.simple_tag
def age(at: datetime | None, now: datetime) -> SafeString | str:
    """How long something has lasted, without a direction."""
    if at is None:
        return ""
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="since {} UTC" data-age>{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        span(now - at),
    )


@register.filter
def lasted(step: Any) -> str:
    """How long a step of a history took."""
    length = step.left_at - step.at
    return f"took {span(length)}" if length.total_seconds() >= 1 else "took under a second"


@register.simple_tag
def countdown(until: datetime | None, now: datetime) -> SafeString | str:
    """The seconds left, which a script counts down; hidden from screen readers."""
    if until is None:
        return ""
    left = max(0, int((until - now).total_seconds()))
    return format_html(
        '<span data-countdown="{}" aria-hidden="true">{} s</span>',
        until.astimezone(UTC).isoformat(timespec="milliseconds"),
        left,
    )


@register.filter
def initials(user: Any) -> str:
    """Two letters for a person."""
    words = [word for word in display.visible(user.display).replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
