"""Decisions over REST, c=16, with a broker: beside a bare Django view, and beside django-viewflow."""

from __future__ import annotations

import itertools
from typing import Any

from tests.bench import comparison
from tests.bench.harness import Bench, Spent
from tests.bench.processes import BenchError, Load, Process
from tests.bench.rows import Group, Measured, Spec, interleaved, median, percentile

AT_ONCE = 16
WARM_UP = 96  # requests: each thread of both processes has its connections and clients


def bearer(token: str) -> dict[str, str]:
    """The headers of a person of the API."""
    return {"Authorization": f"Bearer {token}"}


def decisions(tokens: list[str], ids: list[str]) -> list[Any]:
    """A request that approves each review, the people taking turns."""
    people = itertools.cycle(tokens)
    return [
        [
            "POST",
            f"/api/v1/reviews/{pk}/decisions/",
            bearer(next(people)),
            '{"outcome": "approved"}',
        ]
        for pk in ids
    ]


def measure(bench: Bench) -> dict[str, Measured]:
    """Server by server in turns, all of them up all the time."""
    floor, peer = comparison.floor(bench), comparison.peer(bench)
    count = bench.effort.requests

    def ours(web: Process, number: int = count) -> tuple[Load, Spent]:
        ids = bench.database.refill(number, "open")
        plan = {"threads": AT_ONCE, "requests": decisions(bench.database.tokens, ids)}
        before = bench.stub.request("GET", "/state")["sent"]
        load, spent = bench.metered(web, plan)
        if bench.stub.request("GET", "/state")["sent"] == before:
            raise BenchError("no wake-up came to the broker")
        return load.expect(201), spent

    def bare(server: Process, number: int = count) -> tuple[Load, Spent]:
        requests = [["POST", f"/decide/{pk}/", {}, "{}"] for pk in floor.take(number)]
        load, spent = bench.metered(server, {"threads": AT_ONCE, "requests": requests})
        return load.expect(201), spent

    def viewflow(server: Process, number: int = count) -> tuple[Load, Spent]:
        people = itertools.cycle(peer.tokens)
        requests = [
            ["POST", f"/tasks/{pk}/decide/", {"Authorization": f"Token {next(people)}"}, _BODY]
            for pk in peer.take(number)
        ]
        load, spent = bench.metered(server, {"threads": AT_ONCE, "requests": requests})
        return load.expect(201), spent

    with (
        bench.web() as web,
        bench.bare("floor", floor.url) as floor_web,
        bench.bare("peer", peer.url) as peer_web,
    ):
        ours(web, WARM_UP), bare(floor_web, WARM_UP), viewflow(peer_web, WARM_UP)
        found = interleaved(
            bench.runs,
            {
                "ours": lambda: ours(web),
                "floor": lambda: bare(floor_web),
                "peer": lambda: viewflow(peer_web),
            },
        )
    return _rows(found)


_BODY = '{"outcome": "approved"}'


def _rows(found: dict[str, list[tuple[Load, Spent]]]) -> dict[str, Measured]:
    def of(name: str, part: str) -> float:
        return median(getattr(spent, part) for _, spent in found[name])

    def rate(name: str) -> float:
        return median(load.per_second for load, _ in found[name])

    waits = [wait for load, _ in found["ours"] for wait in load.durations]
    return {
        "decision": Measured(of("ours", "both"), of("floor", "both")),
        "decision, server": Measured(of("ours", "server"), of("floor", "server")),
        "decision, PostgreSQL": Measured(of("ours", "postgres"), of("floor", "postgres")),
        "decision against peer, CPU": Measured(of("ours", "both"), of("peer", "both")),
        "decision against peer": Measured(rate("ours"), rate("peer")),
        "decision, p99": Measured(percentile(waits, 99)),
    }


GROUP = Group(
    "decision",
    (
        Spec("decision", "CPU ms", "<= 6"),
        Spec("decision, server", "CPU ms"),
        Spec("decision, PostgreSQL", "CPU ms"),
        Spec("decision against peer, CPU", "CPU ms"),
        Spec("decision against peer", "/s", "ratio >= 2", higher=True),
        Spec("decision, p99", "ms", "<= 200"),
    ),
    measure,
)
