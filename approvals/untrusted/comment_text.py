"""What is found in the text of a comment: links, and names of people after an `@`. Linear, and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

MAX_LINKS = 50
MAX_NAMES = 20
_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}", re.IGNORECASE)
_BEHIND = ".,;:!?)]}*_"  # what ends a sentence or a bracket around a link, not the link
_NAME = re.compile(r"(?<![\w.+@/-])@([\w.+-]{1,64}(?:@[\w.-]{1,190})?)")


def parts(text: str) -> Iterator[tuple[str, str]]:
    """The text in its order as pairs of text and link; the link is empty for what is none.

    Only http and https, without a user name in front of the host, and without characters that cannot be seen.
    """
    at = 0
    for count, found in enumerate(_LINK.finditer(text)):
        link = found[0].rstrip(_BEHIND)
        if count >= MAX_LINKS or not _is_plain(link):
            continue
        if found.start() > at:
            yield text[at : found.start()], ""
        yield link, link
        at = found.start() + len(link)
    if at < len(text):
        yield text[at:], ""


def names(text: str) -> list[str]:
    """The names after an `@`, in lower case, such as `ada` or `ada@example.com`; at most MAX_NAMES."""
    found = (match[1].rstrip(".-").lower() for match in _NAME.finditer(text))
    return list(dict.fromkeys(name for name in found if name))[:MAX_NAMES]


def _is_plain(link: str) -> bool:
    if not link.isprintable():
        return False
    try:
        address = urlsplit(link)
        return bool(address.hostname) and "@" not in address.netloc
    except ValueError:
        return False
