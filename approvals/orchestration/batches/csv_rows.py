"""Parses orders from CSV: the delimiter is that of the header, and no line is lost to a stray quote unsaid.

A row may go over several lines only where a quoted field does, which closes within 200 lines and 64 kB.
Above that, or where lines within it read as orders themselves, the quote is a stray one, and the row is
refused with its first and last line. Every other cell is a text without the blanks around it, as in the
CSV reader of a Distributed Map; an empty cell makes no key.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from approvals.exceptions import Invalid
from approvals.orchestration import order_amounts
from approvals.orchestration.batches.lines import Counter, Row
from approvals.orchestration.lambdas import amounts
from approvals.records import order_validation
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import Unreadable

DELIMITERS = ",;\t|"
MOST_LINES, MOST_BYTES = 200, 65_536  # of one row that goes over several lines
BLANKS = order_validation.SPACES + "\t"
ID = "order_id"
# What stands in place of an id where a sheet adds its rows up, in small letters.
TOTALS = frozenset(
    (
        *("total", "totals", "grand total", "subtotal", "sub-total", "sub total", "sum"),
        *("summe", "gesamt", "gesamtsumme", "zwischensumme", "somme", "totale", "totaal", "suma"),
    )
)
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]{1,2}")

Numbered = Iterator[tuple[int, bytes | None]]


@dataclass(frozen=True)
class Column:
    """A column: its path in an order, and whether its cells hold JSON."""

    path: list[str]
    is_json: bool

    @property
    def is_amount(self) -> bool:
        """Whether its cells are amounts."""
        return len(self.path) == 1 and self.path[0] in amounts.OF_AN_ORDER and not self.is_json


@dataclass(frozen=True)
class Header:
    """The header, judged once for the whole file."""

    delimiter: str
    columns: list[Column]
    names: list[str]


class _StrayQuoteError(Exception):
    """A quoted field goes on beyond what a row may have."""


class _Texts:
    """The lines of a file for the csv module, counted from the beginning of a row on."""

    def __init__(self, lines: Numbered) -> None:
        self._lines, self._waiting = lines, list[tuple[int, bytes | None]]()
        self.number = 0
        self._of_row: list[bytes] = []

    def begin(self) -> None:
        """A row begins with the next line."""
        self._of_row = []

    def inner(self) -> list[bytes]:
        """The lines that lie wholly within the row: neither its first nor its last."""
        return self._of_row[1:-1]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, text = self._waiting.pop() if self._waiting else next(self._lines)
        size = sum(map(len, self._of_row)) + len(text or b"") if self._of_row else 0
        if len(self._of_row) >= MOST_LINES or size > MOST_BYTES:
            self._waiting.append((number, text))
            raise _StrayQuoteError
        self.number = number
        self._of_row.append(text or b"")
        # In place of a line above MAX_BYTES: without a quote, so that it is one row, and is refused.
        return "\udcff\n" if text is None else text.decode(errors="surrogateescape") + "\n"


def rows(lines: Numbered, skip: int, counter: Counter) -> Iterator[Row]:
    """The rows below the header, after the first `skip`. A header that is none is one refusal."""
    try:
        header = _header(next(lines, (1, b""))[1])
    except Unreadable as error:
        counter.lines += 1
        yield Row(1, code=error.reason, reason=error.explanation, ends=True)
        return
    for number, row in enumerate(_rows(_Texts(lines), header, counter)):
        if number >= skip:
            yield row


def _rows(texts: _Texts, header: Header, counter: Counter) -> Iterator[Row]:
    reader = csv.reader(texts, delimiter=header.delimiter, strict=True)
    texts.number = 1
    while True:
        texts.begin()
        first, cells, problem = texts.number + 1, [], ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _StrayQuoteError:
            problem = f"A quote is opened that does not close within {MOST_LINES} lines and {MOST_BYTES} bytes."
        except csv.Error as error:
            problem = f"The row is not CSV: {error}."
        count = texts.number - first + 1
        counter.lines += count
        if not problem and not any(cell.strip(BLANKS + "\r\n") for cell in cells):
            counter.blank += 1
            counter.continuation += count - 1
            continue
        counter.continuation += count - 1
        if not problem and _hides_orders(texts, header):
            problem = (
                "A field goes over lines that read as orders themselves: is its quote a stray one?"
            )
        if problem and count > 1:
            problem += f" Lines {first} to {texts.number} ({count} lines) went into it."
        yield Row(first, code="not_csv", reason=problem) if problem else _row(first, header, cells)


def _header(line: bytes | None) -> Header:
    """The delimiter and the columns. Raises Unreadable without `order_id`, and for an empty or repeated name."""
    try:
        text = (line or b"").decode()
    except UnicodeDecodeError:
        raise Unreadable("unreadable", "The header cannot be read: it is not UTF-8.") from None
    if line is None or "\0" in text:
        what = (
            "it is too long." if line is None else "it looks like UTF-16 without a byte order mark."
        )
        raise Unreadable("unreadable", f"The header cannot be read: {what}")
    found = {delimiter: _names(text, delimiter) for delimiter in DELIMITERS}
    fit = [each for each, names in found.items() if ID in {_plain(name) for name in names}]
    if not fit:
        shown = f"; the first line is {text.strip()[:100]!r}" if text.strip() else ""
        raise Unreadable("unreadable", f"The header has no {ID}{shown}.")
    delimiter = max(fit, key=lambda each: len(found[each]))
    names = found[delimiter]
    return Header(delimiter, _columns(names), names)


def _names(text: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
    return [name.strip(BLANKS) for name in names]


def _plain(name: str) -> str:
    return name.removesuffix(":json")


def _columns(names: list[str]) -> list[Column]:
    if len(set(names)) < len(names) or not all(names):
        raise Unreadable(
            "unreadable", "The header cannot be read: every column needs a name of its own."
        )
    deepest = max(name.count(".") + 1 for name in names)
    if len(names) > strict_json.MAX_NODES or deepest > strict_json.MAX_DEPTH:
        what = "too many columns, or a name with too many dots."
        raise Unreadable("unreadable", f"The header cannot be read: {what}")
    return [Column(_plain(name).split("."), name.endswith(":json")) for name in names]


def _row(line: int, header: Header, cells: list[str]) -> Row:
    if len(cells) != len(header.columns):
        reason = f"The row has {len(cells)} cells, the header {len(header.columns)}."
        return Row(line, code="not_csv", reason=reason)
    if [cell.strip(BLANKS) for cell in cells] == header.names:
        return Row(line, code="not_csv", reason="The row repeats the header; it is no order.")
    name = cells[header.names.index(ID)].strip(BLANKS) if ID in header.names else ""
    if name.rstrip(": ").lower() in TOTALS:
        reason = f"The row has {name!r} for its {ID}: it adds others up, and is no order."
        return Row(line, code="not_csv", reason=reason)
    try:
        order = _order(
            header, [_stripped(header, *pair) for pair in zip(header.columns, cells, strict=True)]
        )
        before = cells if any(cell != cell.strip(BLANKS) for cell in cells) else None
        return Row(line, order, written=_order(header, before) if before else None)
    except Unreadable as error:
        if error.reason == "lone_surrogate":
            return Row(line, code="not_utf8", reason="The row is not UTF-8, or too long.")
        return Row(line, code=error.reason, reason=error.explanation.replace("The body", "A cell"))


def _stripped(header: Header, column: Column, cell: str) -> str:
    """A cell without blanks around it; an amount with a decimal comma with a point in its place.

    Only where commas do not delimit cells, and before one or two decimals: before three it may group
    thousands.
    """
    cell = cell.strip(BLANKS)
    if column.is_amount and header.delimiter != "," and _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    return cell


def _order(header: Header, cells: list[str]) -> dict[str, Any]:
    order: dict[str, Any] = {}
    for column, cell in zip(header.columns, cells, strict=True):
        strict_json.check_text(cell)
        if cell:
            value = order_amounts.read(cell) if column.is_json else cell
            _put(order, column.path, value)
    return order


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


def _hides_orders(texts: _Texts, header: Header) -> bool:
    """Whether a line within a row would be an order of its own: then a stray quote has swallowed it.

    Only in a file with amounts: without one, a sentence with a comma in it would do.
    """
    if not any(column.is_amount for column in header.columns):
        return False
    return any(_is_order(line, header) for line in texts.inner())


def _is_order(line: bytes, header: Header) -> bool:
    try:
        text = line.decode()
        cells = next(csv.reader([text], delimiter=header.delimiter, strict=True), [])
        row = _row(0, header, cells)
        if row.order is None or not any(name in row.order for name in amounts.OF_AN_ORDER):
            return False
        order_validation.parse(order_amounts.checked(row.order))
    except (UnicodeDecodeError, csv.Error, Invalid):
        return False
    return True
