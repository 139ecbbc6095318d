"""Parses orders from a file of any length, one by one: JSON arrays, JSON lines and CSV, with line numbers.

A row that cannot be read is reported with its line, and parsing goes on; only a file without a next
row (a JSON array that breaks off) ends it. `json_stream` cuts a JSON array into its elements; each is
then read by `strict_json`, as is each line of JSON lines. So all three are as strict as a message from
SQS, and memory holds one row, never the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from approvals.orchestration import order_amounts
from approvals.orchestration.batches import csv_rows, encodings, lines
from approvals.orchestration.batches.encodings import NotTextError
from approvals.orchestration.batches.lines import Counter, Row
from approvals.records.order_batches import Lines
from approvals.untrusted.json_stream import BLANK, BLOCK, Broken, Stream, elements
from approvals.untrusted.strict_json import MAX_BYTES, Unreadable

FIRST_ROWS = 3  # of JSON lines, by which a file of another kind is known

__all__ = ["Counted", "Row", "Rows", "form_of", "rows"]


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


class Rows:
    """The rows of a file, one by one; `lines` counts the lines of the whole file that have been read."""

    def __init__(self, stream: Stream, form: str, skip: int) -> None:
        self._counter = Counter()
        self._rows = _rows(stream, form, skip, self._counter)

    @property
    def lines(self) -> Lines:
        """The lines from the first one on; none of a JSON array, whose rows are not lines."""
        return self._counter.now()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._rows)
        return replace(row, lines=self._counter.now())


def rows(stream: Stream, form: str, *, skip: int = 0) -> Rows:
    """The rows of a file in `form` (json, jsonl, csv), after the first `skip`, which were read before."""
    return Rows(stream, form, skip)


def _rows(stream: Stream, form: str, skip: int, counter: Counter) -> Iterator[Row]:
    try:
        text = encodings.opened(stream)
        if form == "json":
            yield from _json_rows(text, skip)
        elif form == "jsonl":
            yield from _jsonl_rows(text, skip, counter)
        else:
            yield from csv_rows.rows(lines.of(text, BLOCK), skip, counter)
    except NotTextError as error:
        line = error.line or counter.lines + 1
        counter.lines += form != "json"
        yield Row(line, code="unreadable", reason=str(error), ends=True)


def form_of(name: str, head: bytes) -> str:
    """The form of a file: by the extension of its name, else by its first character."""
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    known = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
    if ending in known:
        return known[ending]
    first = encodings.beginning(head).lstrip(BLANK)[:1]
    return {b"[": "json", b"{": "jsonl"}.get(first, "csv")


def _json_rows(stream: Stream, skip: int) -> Iterator[Row]:
    try:
        for number, element in enumerate(elements(stream, longest=MAX_BYTES)):
            if number >= skip:
                yield _read(element.line, element.text)
    except Broken as broken:
        yield Row(broken.line, code="unreadable", reason=str(broken), ends=True)


def _jsonl_rows(stream: Stream, skip: int, counter: Counter) -> Iterator[Row]:
    """The rows of JSON lines; a file whose first FIRST_ROWS are none is another kind of file: one refusal."""
    read = _each_line(stream, skip, counter)
    if skip:
        yield from read
        return
    begun: list[tuple[Row, int, int]] = []
    unreadable: NotTextError | None = None
    try:
        while len(begun) < FIRST_ROWS and (row := next(read, None)) is not None:
            begun.append((row, counter.lines, counter.blank))
            if row.order is not None:
                break
    except NotTextError as error:  # the rows before it come first
        unreadable = error
    if len(begun) == FIRST_ROWS and all(row.order is None for row, _, _ in begun):
        first, counter.lines, counter.blank = begun[0]
        reason = f"The first {FIRST_ROWS} lines are no JSON objects, so these are no JSON lines. {first.reason}"
        yield Row(first.line, code="unreadable", reason=reason, ends=True)
        return
    last = counter.lines, counter.blank
    for row, counter.lines, counter.blank in begun:
        yield row
    counter.lines, counter.blank = last
    if unreadable:
        raise unreadable
    yield from read


def _each_line(stream: Stream, skip: int, counter: Counter) -> Iterator[Row]:
    number = 0
    for line, text in lines.of(stream, BLOCK):
        counter.lines = line
        if text is not None and not text.strip(BLANK):
            counter.blank += 1
            continue
        if number >= skip:
            yield _read(line, text)
        number += 1


def _read(line: int, text: bytes | None) -> Row:
    if text is None:
        return Row(line, code="too_large", reason=f"The row has over {MAX_BYTES} bytes.")
    try:
        order = order_amounts.read(text.decode())
    except UnicodeDecodeError:
        return Row(line, code="not_utf8", reason="The row is not UTF-8.")
    except Unreadable as error:
        return Row(line, code=error.reason, reason=error.explanation.replace("The body", "The row"))
    if not isinstance(order, dict):
        return Row(line, code="no_object", reason="An order is a JSON object.")
    return Row(line, order)
