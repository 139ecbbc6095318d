"""Charts: the lengths of columns stand for their values."""

from __future__ import annotations

import itertools

import pytest

from approvals.web import charts


def test_the_highest_column_fills_the_chart_and_the_others_their_share() -> None:
    chart = charts.columns([("a", (3, 1)), ("b", (0, 2)), ("c", (0, 0))], ("good", "bad"))

    assert chart.top == 4
    drawn = [[(part.tone, part.y, part.height) for part in one.parts] for one in chart.columns]
    assert drawn == [
        [("good", "25.00", "75.00"), ("bad", "0.00", "25.00")],
        [("bad", "50.00", "50.00")],
        [],
    ]


def test_columns_stand_side_by_side_within_the_chart() -> None:
    chart = charts.columns([(str(n), (n,)) for n in range(30)], ("calm",))

    places = [float(column.x) for column in chart.columns]
    width = float(chart.column_width)
    assert all(one + width < other for one, other in itertools.pairwise(places))
    assert places[0] > 0
    assert places[-1] + width < charts.WIDTH


@pytest.mark.parametrize(
    ("count", "marks"), [(0, ()), (1, ("0",)), (2, ("0", "1")), (24, ("0", "12", "23"))]
)
def test_the_first_the_middle_and_the_last_label_are_marks(
    count: int, marks: tuple[str, ...]
) -> None:
    chart = charts.columns([(str(n), (1,)) for n in range(count)], ("calm",))
    assert chart.marks == marks


def test_without_any_value_nothing_is_drawn() -> None:
    chart = charts.columns([("a", (0, 0))], ("good", "bad"))
    assert (chart.top, chart.columns[0].parts) == (0, ())


@pytest.mark.parametrize(
    ("part", "whole", "length"), [(0, 0, 0), (0, 5, 0), (1, 4, 250), (5, 5, 1_000)]
)
def test_a_share_is_a_length(part: int, whole: int, length: int) -> None:
    assert charts.share(part, whole) == length
