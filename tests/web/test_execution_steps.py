"""The steps of an execution: what failed, what was caught, what was tried again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from approvals.models import OrderExecution, User
from approvals.web.execution_steps import steps_of, unfinished_states
from tests import histories
from tests.browser import orders as day
from tests.histories import History
from tests.web.pages import html

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine", "wake_ups_sent")]


def test_a_history_shows_what_failed_what_was_caught_and_what_was_tried(
    browser: Client, olga: User
) -> None:
    order = day.order("ORD-1", olga)
    history = History().go(["ProcessPayment"], error="Gateway.Busy", cause="Later.")
    history.fork("ParallelFulfillment", histories.BRANCHES)
    history.add("TaskStateEntered", state="ScheduleShipment")
    for _ in range(3):
        history.add("TaskScheduled")
        history.add("TaskFailed", error="Carrier.Down", cause="<b>503</b>")
    histories.read(order, history.end("Failed", error="Carrier.Down"))
    OrderExecution.objects.update(status="failed", ended_at=datetime.now(UTC))

    page = html(browser, "/orders/ORD-1/")

    assert "ProcessPayment</bdi> failed, and its error was caught" in page
    assert "ScheduleShipment</bdi> failed" in page
    assert "Carrier.Down: &lt;b&gt;503&lt;/b&gt;" in page
    assert "3 tries" in page
    assert "Ended at: ScheduleShipment." in page
    assert page.count("mark-taken") == 6


def test_a_redriven_state_goes_on_where_it_broke_off(browser: Client, olga: User) -> None:
    order = day.order("ORD-1", olga)
    history = History().go(["ScheduleShipment"], stay=True, error="Carrier.Down")
    history.end("Failed", error="Carrier.Down").add("ExecutionRedriven")
    history.add("TaskScheduled")
    histories.read(order, history)

    page = html(browser, "/orders/ORD-1/")

    assert "ScheduleShipment</bdi> is under way" in page
    assert "Redriven: it goes on where it broke off" in page
    assert "2 tries" in page


def steps(history: History, *, ended: bool) -> list[tuple[str, str]]:
    """The states of a history with their outcomes."""
    return [(s.state, s.outcome) for s in steps_of(history.events, ended=ended) if s.state]


def test_a_try_that_succeeds_leaves_no_error_behind() -> None:
    history = History()
    history.add("TaskStateEntered", state="ScheduleShipment")
    history.add("TaskScheduled")
    history.add("TaskFailed", error="Carrier.Down")
    history.add("TaskScheduled")
    history.add("TaskSucceeded")
    history.add("TaskStateExited", state="ScheduleShipment")

    [step] = [one for one in steps_of(history.events, ended=False) if one.state]

    assert (step.outcome, step.error, step.tries) == ("done", "", 2)


@pytest.mark.parametrize(("ended", "outcome"), [(False, "open"), (True, "stopped")])
def test_a_state_that_was_not_left_is_open_until_the_execution_has_ended(
    ended: bool, outcome: str
) -> None:
    history = History().go(["OpenOrder", "SeedOrder"], stay=True)

    assert steps(history, ended=ended) == [("OpenOrder", "done"), ("SeedOrder", outcome)]
    states = unfinished_states(steps_of(history.events, ended=ended), ended=ended)
    assert states == {"SeedOrder": "broken" if ended else "open"}


def test_branches_that_are_left_in_another_order_keep_their_own_steps() -> None:
    history = History()
    entered = [
        history.add("TaskStateEntered", previous=1, state=name) for name in ("Left", "Right")
    ]
    for name, event in (("Right", entered[1]), ("Left", entered[0])):
        history.add("TaskStateExited", previous=event, state=name)

    left, right = (s for s in steps_of(history.events, ended=False) if s.state)

    assert (left.state, right.state) == ("Left", "Right")
    assert left.left_at > right.left_at
