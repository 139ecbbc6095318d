"""Cuts a JSON array of any length into the bytes of its elements, one at a time, in bounded memory.

It looks at brackets, commas and quotes alone: whether an element is JSON is for the caller to check,
with the strict parser. Not ijson: that gives no line numbers, which a refused row is found by, and it
decodes, so that the strict parser would not see the text that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 65_536
BLANK = b" \t\r\n"
MARK = b"\xef\xbb\xbf"  # the byte order mark that spreadsheets put before UTF-8

_QUOTE_OR_BRACKET = re.compile(rb'["\[\]{},]')
_IN_STRING = re.compile(rb'(?:[^"\\]|\\.)*+("?)', re.DOTALL)


class Stream(Protocol):
    """A source of bytes."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class Element:
    """The bytes of one element and the line it begins on; `text` is None if it is too long."""

    line: int
    text: bytes | None


class Broken(Exception):
    """The text is no JSON array from this line on."""

    def __init__(self, line: int, what: str) -> None:
        self.line = line
        super().__init__(what)


def elements(stream: Stream, *, longest: int) -> Iterator[Element]:
    """The elements of a JSON array, each as the bytes between its commas, at most `longest` bytes.

    Raises Broken if the text is no array, ends within one, or goes on after it.
    """
    return iter(_Cutter(stream, longest))


class _Cutter:
    """Scans a text from bracket to bracket, past strings, and collects the bytes of one element."""

    def __init__(self, stream: Stream, longest: int) -> None:
        self._stream, self._longest = stream, longest
        self._line, self._depth, self._in_string = 1, 0, False
        self._kept, self._size, self._began = bytearray(), 0, 1
        self._several = False  # after a comma: an element follows, even an empty one

    def __iter__(self) -> Iterator[Element]:
        block, place = self._open()
        while block:
            place, mark = self._next_mark(block, place)
            if not mark:
                rest = block[place:] if self._in_string else b""  # a backslash, and what it escapes
                more = self._stream.read(BLOCK)
                block, place = (rest + more if more else b""), 0
            elif self._depth == 0:
                raise Broken(self._line, "Something follows the end of the array.")
            elif self._ends_element(mark):
                yield self._cut()
        if self._depth:
            raise Broken(self._line, "The array breaks off: its last bracket is missing.")
        if bytes(self._kept).strip(BLANK):
            raise Broken(self._line, "Something follows the end of the array.")

    def _ends_element(self, mark: bytes) -> bool:
        """Process a bracket or a comma; whether an element ends with it."""
        if self._depth > 1 or mark in b"[{":
            self._depth += (mark in b"[{") - (mark in b"]}")
            self._keep(mark)
            return False
        if mark == b"}":
            raise Broken(self._line, "A brace closes that none has opened.")
        several, self._several = self._several, True
        if mark == b"]":
            self._depth = 0
            return several or self._size > 0
        return True

    def _open(self) -> tuple[bytes, int]:
        """The first block, and the index after the opening bracket of the array."""
        block = self._stream.read(BLOCK).removeprefix(MARK)
        while block and not block.strip(BLANK):
            self._line += block.count(b"\n")
            block = self._stream.read(BLOCK)
        place = len(block) - len(block.lstrip(BLANK))
        self._line += block[:place].count(b"\n")
        if block[place : place + 1] != b"[":
            raise Broken(self._line, "The file is no JSON array of orders.")
        self._depth = 1
        self._began = self._line
        return block, place + 1

    def _next_mark(self, block: bytes, place: int) -> tuple[int, bytes]:
        """Collect the bytes before the next bracket or comma; the mark is empty at the end of the block."""
        while True:
            if self._in_string:
                found = _IN_STRING.match(block, place)
                end = found.end() if found else place
                self._keep(block[place:end])
                if not found or not found[1]:
                    return end, b""
                self._in_string, place = False, end
            found = _QUOTE_OR_BRACKET.search(block, place)
            if found is None:
                self._keep(block[place:])
                return len(block), b""
            self._keep(block[place : found.start()])
            place = found.end()
            if found[0] != b'"':
                return place, found[0]
            self._keep(b'"')
            self._in_string = True

    def _keep(self, piece: bytes) -> None:
        if not self._kept:
            blank = len(piece) - len(piece.lstrip(BLANK))
            self._line += piece[:blank].count(b"\n")
            piece = piece[blank:]
            self._began = self._line
        self._line += piece.count(b"\n")
        self._size += len(piece)
        if self._size <= self._longest:
            self._kept += piece

    def _cut(self) -> Element:
        whole = self._size <= self._longest
        element = Element(self._began, bytes(self._kept) if whole else None)
        self._kept, self._size, self._began = bytearray(), 0, self._line
        return element
