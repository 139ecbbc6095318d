"""Files of an export, which are sent line by line, so that their length costs no memory.

Their status has been sent when a line cannot be made. So the file ends with a line that says so, and that is
neither a row of its columns nor JSON: a part must not pass for the whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from django.http import StreamingHttpResponse

from approvals.untrusted import csv_cells

log = structlog.get_logger(__name__)

CSV = "text/csv; charset=utf-8"
INCOMPLETE = "INCOMPLETE: the export failed here, export again\r\n"


class _Echo:
    """A file for `csv.writer` that hands back what is written."""

    def write(self, line: str) -> str:
        return line


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file, the names of the columns first; no cell is a formula to a spreadsheet."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([csv_cells.cell(value) for value in row])


def attachment(name: str, content: Iterator[str], content_type: str = CSV) -> StreamingHttpResponse:
    """The response that sends these lines as a file of this name, which holds no untrusted text."""
    response = StreamingHttpResponse(_marked(content), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _marked(content: Iterator[str]) -> Iterator[str]:
    """The lines, and INCOMPLETE after those that could be made if one could not."""
    try:
        yield from content
    except Exception:
        log.exception("export.failed")
        yield INCOMPLETE
