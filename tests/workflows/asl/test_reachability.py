"""Which states can follow which: by errors or without, in loops, and on every path."""

from __future__ import annotations

from approvals.workflows.asl.model import State
from approvals.workflows.asl.reachability import (
    dominates,
    error_free,
    has_loop,
    loop_of,
    reachable,
    successors,
)
from tests.workflows.linting.definitions import Body, definition, workflow

ERROR = [{"ErrorEquals": ["E"], "Next": "Over"}]
RETRIES: Body = {"Type": "Choice", "Choices": [{"Next": "Weigh"}], "Default": "Done"}


def states() -> dict[str, State]:
    """Start, then Weigh and Again in a loop, then Done; an error of Weigh leads to Over."""
    body = workflow(
        Start={"Type": "Pass", "Next": "Weigh"},
        Weigh={"Type": "Task", "Resource": "${F}", "Catch": ERROR, "Next": "Again"},
        Again=RETRIES,
    )
    return {state.name: state for state in definition(body).states}


def names(found: set[State] | list[State]) -> set[str]:
    """The names of states."""
    return {state.name for state in found}


def test_errors_lead_further_unless_they_are_left_out() -> None:
    by_name = states()

    assert names(reachable([by_name["Start"]])) == set(by_name)
    assert names(reachable([by_name["Start"]], follow=error_free)) == set(by_name) - {"Over"}
    assert names(successors(by_name["Weigh"])) == {"Again", "Over"}


def test_a_state_that_is_avoided_is_neither_entered_nor_passed() -> None:
    by_name = states()

    found = reachable([by_name["Start"]], avoiding={by_name["Again"]})

    assert names(found) == {"Start", "Weigh", "Over"}
    assert reachable([by_name["Start"]], avoiding={by_name["Start"]}) == set()


def test_a_loop_is_all_that_comes_both_after_and_before_a_state() -> None:
    by_name = states()

    assert (
        names(loop_of(by_name["Weigh"])) == names(loop_of(by_name["Again"])) == {"Weigh", "Again"}
    )
    assert loop_of(by_name["Start"]) == loop_of(by_name["Done"]) == set()


def test_a_state_on_every_path_dominates_what_follows() -> None:
    by_name = states()

    assert dominates(by_name["Weigh"], by_name["Over"])
    assert dominates(by_name["Again"], by_name["Done"])
    assert not dominates(by_name["Again"], by_name["Over"])


def test_a_machine_has_a_loop_if_a_path_comes_back_by_an_error_too() -> None:
    straight = workflow(A={"Type": "Pass", "Next": "Done"}, Lost={"Type": "Pass", "Next": "Done"})
    caught = workflow(A={"Type": "Task", "Catch": [{"Next": "A"}], "Next": "Done"})

    assert not has_loop(definition(straight).root)
    assert has_loop(definition(caught).root)
    assert has_loop(next(iter(states().values())).machine)
