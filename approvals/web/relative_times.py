"""Times and lengths of time as every page shows them: `in 12 min`, `3 h ago`, with the exact time beside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from django.utils import dateformat
from django.utils.html import format_html
from django.utils.safestring import SafeString


def span(length: timedelta) -> str:
    """A length of time in one rounded unit: `12 min`, `3 h`, `2 d`; a negative one like a positive one."""
    seconds = abs(int(length.total_seconds()))
    for size, unit in ((172_800, 86_400), (5_400, 3_600), (90, 60)):
        if seconds >= size:
            return f"{round(seconds / unit)} {({86_400: 'd', 3_600: 'h', 60: 'min'})[unit]}"
    return f"{seconds} s"


def local(at: datetime, zone: tzinfo, pattern: str, *, named: bool = True) -> str:
    """A time in a zone, by a pattern of Django's `date` filter, with the zone's short name if `named`."""
    there = at.astimezone(zone)
    if not named:
        return dateformat.format(there, pattern)
    name = there.tzname() or ""
    return f"{dateformat.format(there, pattern)} {f'UTC{name}' if name[:1] in '+-' else name}"


def relative_time(at: datetime | None, now: datetime) -> SafeString | str:
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
