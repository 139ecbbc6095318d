"""Lengths of time in words, as the desk and the admin site show them."""

from __future__ import annotations

from datetime import timedelta


def span(length: timedelta) -> str:
    """A length of time in one rounded unit: `12 min`, `3 h`, `2 d`; a negative one like a positive one."""
    seconds = abs(int(length.total_seconds()))
    for size, unit in ((172_800, 86_400), (5_400, 3_600), (90, 60)):
        if seconds >= size:
            return f"{round(seconds / unit)} {({86_400: 'd', 3_600: 'h', 60: 'min'})[unit]}"
    return f"{seconds} s"
