"""The processes that the demo starts, in the order of their start."""

from __future__ import annotations

import signal

from local.supervisor.programs import PROGRAMS


def test_the_page_starts_first_and_stops_last() -> None:
    assert [program.name for program in PROGRAMS] == [
        *("web", "worker", "sweeper", "poller"),
        "traffic",
    ]


def test_orders_arrive_only_once_the_web_process_is_ready() -> None:
    assert [program.name for program in PROGRAMS if program.needs_web] == ["traffic"]


def test_the_web_process_gets_the_signal_on_which_it_stops_its_workers() -> None:
    assert {p.name: p.death_signal for p in PROGRAMS if p.death_signal != signal.SIGKILL} == {
        "web": signal.SIGTERM
    }
