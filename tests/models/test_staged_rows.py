"""The first rows of a list are found by the first stage that has enough of them."""

from __future__ import annotations

import json

import pytest
from django.db.models import BooleanField, ExpressionWrapper, Q

from approvals.models import ReviewQueue, ReviewTask
from approvals.models.staged_rows import FirstFound, Stage, by_sorting
from tests import factories
from tests.web.plans import executed

pytestmark = pytest.mark.django_db
ODD = ExpressionWrapper(Q(priority__in=[1, 3, 5, 7]), output_field=BooleanField())


@pytest.fixture(autouse=True)
def reviews(queue: ReviewQueue) -> None:
    """Eight reviews of the priorities 0 to 7."""
    for number in range(8):
        factories.review(queue, orderId=f"ORD-{number}", priority=number)


def found(*stages: Stage, limit: int) -> list[int]:
    """The priorities of the rows that are found."""
    rows = ReviewTask.objects.filter(pk__in=FirstFound(*stages, limit=limit))
    return sorted(rows.values_list("priority", flat=True))


def of(*priorities: int) -> Stage:
    """A stage of the reviews of these priorities."""
    return Stage([ReviewTask.objects.filter(priority__in=priorities).order_by("id").values("pk")])


def test_a_stage_is_asked_only_if_the_one_before_has_too_few() -> None:
    assert found(of(1, 2), of(5), limit=2) == [1, 2]
    assert found(of(1), of(1, 5), limit=2) == [1, 5]
    assert found(of(1), of(1), of(1, 6), limit=2) == [1, 6]
    assert found(of(), of(), limit=2) == []


def test_a_stage_that_checks_its_rows_leaves_out_those_that_do_not_fit() -> None:
    rows = ReviewTask.objects.order_by("priority")
    beginning = Stage([rows.values_list("pk", ODD)[:4]], checks=True)
    assert found(beginning, of(5), limit=2) == [1, 3]
    assert found(beginning, of(1, 3, 5), limit=3) == [1, 3, 5]


def test_a_stage_for_many_is_left_out_after_one_that_has_found_few() -> None:
    rows = ReviewTask.objects.order_by("priority")
    for least, wanted in ((2, [1, 3]), (3, [5, 7])):
        more = Stage([rows.values_list("pk", ODD)[:4]], checks=True, at_least=least)
        early = Stage([rows.values_list("pk", ODD)[:4]], checks=True)
        assert found(early, more, of(5, 7), limit=4) == sorted({1, 3, *(wanted), 5, 7})


def test_rows_are_sorted_by_no_index_and_stand_in_the_same_order() -> None:
    for order in (("deadline_at", "id"), ("-priority", "deadline_at", "id")):
        rows = ReviewTask.objects.pending().order_by(*order)
        assert list(by_sorting(rows)) == list(rows)
        plan = json.dumps(executed(by_sorting(rows)[:2]))
        assert '"Sort"' in plan
        assert "Incremental" not in plan
