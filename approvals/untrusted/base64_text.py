"""Base64 in texts from outside: what a text of it holds, and how a secret looks inside of it.

Both alphabets are read, broken into lines or not, and what gzip or zlib has compressed, to at most 1 MiB, and to
a hundred times its size.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator

MAX_BYTES = 1_048_576
# Bytes that one packed byte may make, above so many: JSON makes 5 to 30, DEFLATE can make 1,032. Else a message
# of a kilobyte takes the time of one of a megabyte.
MOST_TIMES, ANYWAY = 100, 65_536
SHORTEST = 12  # characters of base64 by which a secret is recognized; less could be a coincidence
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_BLANKS = b" \t\r\n"
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_TO_STANDARD = str.maketrans("-_", "+/", " \t\r\n")


class BrokenError(Exception):
    """A compressed text is damaged."""


class TooLargeError(Exception):
    """A compressed text unpacks to more than MAX_BYTES, or to more than MOST_TIMES its size."""


def decoded(text: str) -> bytes | None:
    """The bytes of a text that is base64 as a whole; None if it is not."""
    try:
        packed = text.encode("ascii").translate(None, _BLANKS)
    except UnicodeEncodeError:
        return None
    if not _BASE64.fullmatch(packed):
        return None
    packed = packed.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4))
    except binascii.Error:
        return None


def is_compressed(packed: bytes) -> bool:
    """Whether bytes begin as gzip and zlib streams do."""
    return packed.startswith(_COMPRESSED)


def most_inflated(packed: bytes) -> int:
    """How many bytes `inflated` may have to make of these, to its end or until it stops."""
    return min(max(ANYWAY, len(packed) * MOST_TIMES), MAX_BYTES)


def inflated(packed: bytes) -> bytes:
    """What a gzip or zlib stream holds. Raises TooLargeError, or BrokenError."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
    try:
        most = most_inflated(packed)
        plain = stream.decompress(packed, most + 1)
    except zlib.error:
        raise BrokenError from None
    if len(plain) > most:
        raise TooLargeError
    return plain


def standard(text: str) -> str:
    """A text without blanks and in the standard alphabet, in which `traces` are looked for."""
    return text.translate(_TO_STANDARD)


def traces(secret: str) -> frozenset[str]:
    """The pieces of base64 of which a base64 text that holds this secret, once or twice encoded, has one.

    Three bytes make four characters, so a secret looks in one of three ways, by where it begins.
    """
    once = frozenset(_pieces(secret))
    return once | frozenset(piece for inner in once for piece in _pieces(inner))


def _pieces(secret: str) -> Iterator[str]:
    for skipped in range(3):  # bytes of the secret that share a group with what stands before it
        whole = secret.encode()[skipped:]
        piece = base64.b64encode(whole[: len(whole) - len(whole) % 3]).decode()
        if len(piece) >= SHORTEST:
            yield piece
