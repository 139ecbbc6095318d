"""Times and ages as every page shows them: `in 12 min`, `3 h ago`, with the exact time beside."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from django.utils import dateformat
from django.utils.safestring import SafeString

from approvals.spans import span
from approvals.web import markup


def local(at: datetime, zone: tzinfo, pattern: str, *, named: bool = True) -> str:
    """A time in a zone, by a pattern of Django's `date` filter, with the zone's short name if `named`.

    In UTC where the calendar ends: in the first and the last hours of it, other zones have no date.
    """
    try:
        there = at.astimezone(zone)
    except OverflowError:
        there = at.astimezone(UTC)
    if not named:
        return dateformat.format(there, pattern)
    name = there.tzname() or ""
    return f"{dateformat.format(there, pattern)} {f'UTC{name}' if name[:1] in '+-' else name}"


def in_utc(at: datetime) -> tuple[str, str]:
    """A time as an attribute `datetime` has it, and as people read it, both in UTC and to the second."""
    exact = at.astimezone(UTC).isoformat(timespec="seconds")
    return exact, f"{exact[:10]} {exact[11:19]}"


def relative_time(at: datetime | None, now: datetime) -> SafeString | str:
    """A time relative to `now`, with the exact one in the attributes `datetime` and `title`."""
    if at is None:
        return ""
    length = span(at - now)
    text = f"in {length}" if at > now else f"{length} ago"
    exact, title = in_utc(at)
    return SafeString(f'<time datetime="{exact}" title="{title} UTC" data-moment>{text}</time>')


def age(at: datetime | None, now: datetime) -> SafeString | str:
    """How long something has lasted, without a direction."""
    if at is None:
        return ""
    exact, title = in_utc(at)
    length = span(now - at)
    return SafeString(
        f'<time datetime="{exact}" title="since {title} UTC" data-age>{length}</time>'
    )


def countdown(until: datetime | None, now: datetime) -> SafeString | str:
    """The seconds left, which a script counts down; hidden from screen readers."""
    if until is None:
        return ""
    left = max(0, int((until - now).total_seconds()))
    return markup.filled(
        '<span data-countdown="{}" aria-hidden="true">{} s</span>',
        until.astimezone(UTC).isoformat(timespec="milliseconds"),
        left,
    )
