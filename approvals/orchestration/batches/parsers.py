"""Parses orders from a file of any length, one by one: JSON arrays, JSON lines and CSV, with line numbers.

A row that cannot be read is reported with its line, and parsing goes on; only a file without a next
row (a JSON array that breaks off) ends it. `json_stream` cuts a JSON array into its elements; each is
then read by `strict_json`, as is each line of JSON lines. So all three are as strict as a message from
SQS, and memory holds one row, never the file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from approvals.untrusted import strict_json
from approvals.untrusted.json_stream import BLANK, BLOCK, MARK, Broken, Stream, elements
from approvals.untrusted.strict_json import MAX_BYTES, Unreadable


@dataclass(frozen=True)
class Row:
    """One row: an order as it was written, or why it is not one. With `ends`, no row can follow."""

    line: int
    order: dict[str, Any] | None = None
    code: str = ""
    reason: str = ""
    ends: bool = False


class Counted:
    """A stream that counts the bytes it has given, and calls `tick` before each read."""

    def __init__(self, stream: Stream, tick: Callable[[], None]) -> None:
        self._stream, self._tick = stream, tick
        self.given = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        """As the stream's."""
        self._tick()
        block = self._stream.read(size)
        self.given += len(block)
        return block


def rows(stream: Stream, form: str, *, skip: int = 0) -> Iterator[Row]:
    """The rows of a file in `form` (json, jsonl, csv), after the first `skip`, which were read before."""
    readers = {"json": _json_rows, "jsonl": _jsonl_rows, "csv": _csv_rows}
    return readers[form](stream, skip)


def form_of(name: str, head: bytes) -> str:
    """The form of a file: by the extension of its name, else by its first character."""
    ending = name.rpartition(".")[2].lower()
    known = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
    if ending in known:
        return known[ending]
    first = head.removeprefix(MARK).lstrip(BLANK)[:1]
    return {b"[": "json", b"{": "jsonl"}.get(first, "csv")


def _json_rows(stream: Stream, skip: int) -> Iterator[Row]:
    try:
        for number, element in enumerate(elements(stream, longest=MAX_BYTES)):
            if number >= skip:
                yield _read(element.line, element.text)
    except Broken as broken:
        yield Row(broken.line, code="unreadable", reason=str(broken), ends=True)


def _jsonl_rows(stream: Stream, skip: int) -> Iterator[Row]:
    number = 0
    for line, text in _lines(stream):
        if text is not None and not text.strip(BLANK):
            continue
        if number >= skip:
            yield _read(line, text)
        number += 1


def _read(line: int, text: bytes | None) -> Row:
    if text is None:
        return Row(line, code="too_large", reason=f"The row has over {MAX_BYTES} bytes.")
    try:
        order = strict_json.read(text.decode())
    except UnicodeDecodeError:
        return Row(line, code="not_utf8", reason="The row is not UTF-8.")
    except Unreadable as error:
        return Row(line, code=error.reason, reason=error.explanation.replace("The body", "The row"))
    if not isinstance(order, dict):
        return Row(line, code="no_object", reason="An order is a JSON object.")
    return Row(line, order)


def _lines(stream: Stream) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers, without line ends; None for a line above MAX_BYTES."""
    number, kept, overlong = 1, bytearray(), False
    block = stream.read(BLOCK).removeprefix(MARK)
    while block:
        for place, piece in enumerate(block.split(b"\n")):
            if place:
                yield number, None if overlong else bytes(kept)
                number, kept, overlong = number + 1, bytearray(), False
            overlong = overlong or len(kept) + len(piece) > MAX_BYTES
            kept = bytearray() if overlong else kept + piece
        block = stream.read(BLOCK)
    if kept or overlong:
        yield number, None if overlong else bytes(kept)


def _csv_rows(stream: Stream, skip: int) -> Iterator[Row]:
    """CSV with a header: `customer.email` is a key of an object, `items:json` a cell that holds JSON.

    Every other cell is a text, as in the CSV reader of a Distributed Map; an empty cell makes no key.
    """
    reader = csv.reader(_texts(stream), strict=True)
    try:
        header = _header(next(reader, []))
    except (csv.Error, Unreadable) as error:
        yield Row(1, code="unreadable", reason=f"The header cannot be read: {error}", ends=True)
        return
    number, line = 0, reader.line_num + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = Row(line, code="not_csv", reason=f"The row is not CSV: {error}")
        else:
            if not cells:
                line = reader.line_num + 1
                continue
            row = _from_cells(line, header, cells)
        if number >= skip:
            yield row
        number, line = number + 1, reader.line_num + 1


def _texts(stream: Stream) -> Iterator[str]:
    """Lines for the csv module; a row that is not UTF-8 is refused when it is parsed."""
    for _, text in _lines(stream):
        # In place of a line above MAX_BYTES: without a quote, so that it is one row, and is refused.
        yield "\udcff\n" if text is None else text.decode(errors="surrogateescape") + "\n"


def _header(names: list[str]) -> list[tuple[list[str], bool]]:
    """The path of each column and whether it holds JSON. Raises Unreadable for an empty or a repeated name."""
    if not names or len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise Unreadable("unreadable", "every column needs a name of its own.")
    if len(names) > strict_json.MAX_NODES or max(map(_depth, names)) > strict_json.MAX_DEPTH:
        raise Unreadable("unreadable", "too many columns, or a name with too many dots.")
    columns = [name.strip().removesuffix(":json").split(".") for name in names]
    return [
        (path, name.strip().endswith(":json")) for path, name in zip(columns, names, strict=True)
    ]


def _depth(name: str) -> int:
    return name.count(".") + 1


def _from_cells(line: int, header: list[tuple[list[str], bool]], cells: list[str]) -> Row:
    if len(cells) != len(header):
        reason = f"The row has {len(cells)} cells, the header {len(header)}."
        return Row(line, code="not_csv", reason=reason)
    order: dict[str, Any] = {}
    try:
        for (path, is_json), cell in zip(header, cells, strict=True):
            strict_json.check_text(cell)
            if cell:
                _put(order, path, strict_json.read(cell) if is_json else cell)
    except Unreadable as error:
        if error.reason == "lone_surrogate":
            return Row(line, code="not_utf8", reason="The row is not UTF-8, or too long.")
        return Row(line, code=error.reason, reason=error.explanation.replace("The body", "A cell"))
    return Row(line, order)


def _put(order: dict[str, Any], path: list[str], value: Any) -> None:
    *above, last = path
    for key in above:
        inner = order.setdefault(key, {})
        if not isinstance(inner, dict):
            raise Unreadable("duplicate_key", f"The row gives {key[:64]!r} a value and parts.")
        order = inner
    if last in order:
        raise Unreadable("duplicate_key", f"The row gives {last[:64]!r} twice.")
    order[last] = value
