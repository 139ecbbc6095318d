"""The path that an execution took, from the events of its history."""

from __future__ import annotations

from approvals.web.taken_path import taken_path
from tests.histories import BRANCHES, History


def test_branches_that_interleave_are_no_transitions_of_each_other() -> None:
    history = History().go(["ProcessPayment"])
    history.fork("ParallelFulfillment", BRANCHES)

    path = taken_path(history.events)

    assert set(BRANCHES) <= set(path.entered)
    assert path.transitions == {("ProcessPayment", "ParallelFulfillment")}
