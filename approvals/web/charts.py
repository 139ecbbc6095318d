"""Charts as the numbers of an SVG that a template draws, so that no script and no inline style is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1_000, 100  # of the viewBox, which is stretched to the page
GAP = 0.2  # of a column's place


@dataclass(frozen=True)
class Part:
    """A rectangle of a column, with the CSS class of its colour."""

    tone: str
    y: str
    height: str


@dataclass(frozen=True)
class Column:
    """A column: its label, its values in the order of the series, and its rectangles from the bottom up."""

    label: str
    values: tuple[int, ...]
    x: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Chart:
    """Columns of stacked values; `top` is the highest sum. All lengths are in units of the viewBox."""

    columns: tuple[Column, ...]
    column_width: str
    top: int

    @property
    def marks(self) -> tuple[str, ...]:
        """The labels below the chart: of the first column, the middle one and the last."""
        labels = [column.label for column in self.columns]
        return (labels[0], labels[len(labels) // 2], labels[-1]) if len(labels) > 2 else (*labels,)


def columns(rows: Sequence[tuple[str, Sequence[int]]], tones: Sequence[str]) -> Chart:
    """A chart of labelled rows of values, stacked in the order of `tones`, the CSS classes of the series.

    Values are counts, none negative. Without any, the columns have no height.
    """
    top = max((sum(values) for _, values in rows), default=0)
    place = WIDTH / max(1, len(rows))
    return Chart(
        tuple(
            Column(
                label,
                tuple(values),
                _number(place * (number + GAP / 2)),
                _stacked(values, tones, top),
            )
            for number, (label, values) in enumerate(rows)
        ),
        _number(place * (1 - GAP)),
        top,
    )


def share(part: int, whole: int) -> int:
    """A bar's length for a share: from 0 to WIDTH."""
    return round(WIDTH * part / whole) if whole else 0


def _stacked(values: Sequence[int], tones: Sequence[str], top: int) -> tuple[Part, ...]:
    parts, below = [], 0.0
    for value, tone in zip(values, tones, strict=True):
        height = HEIGHT * value / top if top else 0.0
        below += height
        if value:
            parts.append(Part(tone, _number(HEIGHT - below), _number(height)))
    return tuple(parts)


def _number(length: float) -> str:
    """A length as SVG reads it, whatever the language of the page."""
    return f"{length:.2f}"
