"""The lines of a source, numbered and counted, with the line end of the first: LF, CRLF or CR; and their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from approvals.records.order_batches import Lines
from approvals.untrusted.json_stream import BLOCK, Stream
from approvals.untrusted.strict_json import MAX_BYTES


@dataclass(frozen=True)
class Row:
    """One row: an order, or why it is not one. With `ends`, no row can follow.

    `written` is the order with the blanks around its cells, if there were any; `lines` are the lines of
    the source up to the end of this row.
    """

    line: int
    order: dict[str, Any] | None = None
    code: str = ""
    reason: str = ""
    ends: bool = False
    written: dict[str, Any] | None = None
    lines: Lines = field(default_factory=Lines, compare=False)


class Counter:
    """How many lines of a source have been read as what; the rows are the rest."""

    def __init__(self) -> None:
        self.lines = self.blank = self.continuation = 0

    def now(self) -> Lines:
        """The counts at this moment."""
        return Lines(self.lines, self.blank, self.continuation)


def of(stream: Stream, block: int = BLOCK) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers, without line ends; None for a line above MAX_BYTES.

    A line that ends in CRLF keeps its CR.
    """
    number, kept, overlong, end = 1, bytearray(), False, b""
    while data := stream.read(block):
        if not end:
            data, end = _line_end(stream, data, block)
        for place, piece in enumerate(data.split(end) if end else [data]):
            if place:
                yield number, None if overlong else bytes(kept)
                number, kept, overlong = number + 1, bytearray(), False
            overlong = overlong or len(kept) + len(piece) > MAX_BYTES
            kept = bytearray() if overlong else kept + piece
    if kept or overlong:
        yield number, None if overlong else bytes(kept)


def _line_end(stream: Stream, data: bytes, block: int) -> tuple[bytes, bytes]:
    """The data, more of it if needed, and the line end that comes first in it; none if there is none yet."""
    places = [place for place in (data.find(b"\n"), data.find(b"\r")) if place >= 0]
    if not places:
        return data, b""
    first = min(places)
    if data[first : first + 1] == b"\n":
        return data, b"\n"
    if first + 1 == len(data):
        data += stream.read(block)
    return data, b"\n" if data[first + 1 : first + 2] == b"\n" else b"\r"
