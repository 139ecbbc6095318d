"""Filters and tags with which the desk's templates show times and untrusted text: `{% load desk %}`."""

from __future__ import annotations

from typing import Any

from django import template

from approvals.untrusted import display
from approvals.web import edit_form, relative_times, toasts

register = template.Library()
register.simple_tag(relative_times.relative_time)
register.simple_tag(relative_times.age)
register.simple_tag(relative_times.countdown)
register.simple_tag(toasts.undo_of)
register.filter("listed", edit_form.listed)


@register.filter(is_safe=False)
def plain(value: object) -> str:
    """Untrusted text with its invisible characters written out; autoescaping applies as well."""
    return "" if value is None else display.visible(value)


@register.filter
def lasted(step: Any) -> str:
    """How long a step of a history took."""
    length = step.left_at - step.at
    if length.total_seconds() < 1:
        return "took under a second"
    return f"took {relative_times.span(length)}"


@register.filter
def initials(user: Any) -> str:
    """Two letters for a person."""
    words = [word for word in display.visible(user.display).replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
