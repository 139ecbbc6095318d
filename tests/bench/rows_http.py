"""What people and scripts ask for over HTTP: the list, the pages, claims, searches, and how flat it all is."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import psycopg

from tests.bench import comparison
from tests.bench.harness import Bench, Database, Spent
from tests.bench.processes import Load, Process
from tests.bench.rows import Group, Measured, Spec, interleaved, median, percentile
from tests.bench.rows_decision import bearer, decisions

LIST = "/api/v1/reviews/?page_size=50"
QUEUE = "orders"  # the one with most reviews
LISTS = {
    "open": "",
    "open, by arrival": "&ordering=-received_at",
    "open, by priority": "&ordering=-priority",
    "open, unclaimed": "&assignee=nobody",
    "open, one queue": f"&queue={QUEUE}",
    "closed": "&status=approved",
    "closed, by arrival": "&status=approved&ordering=-received_at",
    "closed, by priority": "&status=approved&ordering=-priority",
    "closed, one queue": f"&status=approved&queue={QUEUE}",
    "rejected, all queues by arrival": "&status=rejected&ordering=-received_at",
    "by reference": "&status=approved&reference=ORD-S-77",
    "text, many matches": "&q=lovelace",
    "text, no match": "&q=xyzzy-nowhere",
    "text, old matches": "&status=approved&q=as+in+spring",
    "text, old matches by deadline": "&status=approved&ordering=deadline&q=as+in+spring",
    "text among open, old matches": "&q=as+in+spring",
    "text among closed, no match": "&status=approved&q=xyzzy-nowhere",
}


def gets(path: str, headers: list[dict[str, str]], count: int) -> list[Any]:
    """So many requests of a path, the people taking turns."""
    people = itertools.cycle(headers)
    return [["GET", path, next(people), None] for _ in range(count)]


def bearers(database: Database) -> list[dict[str, str]]:
    """The headers of the API's people."""
    return [bearer(token) for token in database.tokens]


def cookies(database: Database) -> list[dict[str, str]]:
    """The headers of the people who have signed in."""
    return [{"Cookie": cookie} for cookie in database.cookies]


def measure_list(bench: Bench) -> dict[str, Measured]:
    """The list of 50 open reviews, c=1, beside a ModelSerializer of DRF over as many columns."""
    floor = comparison.floor(bench)
    count = max(20, bench.effort.requests // 4)

    def ours(web: Process) -> tuple[Load, Spent]:
        plan = {"threads": 1, "requests": gets(LIST, bearers(bench.database), count)}
        load, spent = bench.metered(web, plan)
        return load.expect(200), spent

    def bare(server: Process) -> tuple[Load, Spent]:
        load, spent = bench.metered(
            server, {"threads": 1, "requests": gets("/items/", [{}], count)}
        )
        return load.expect(200), spent

    with bench.web() as web, bench.bare("floor", floor.url) as server:
        ours(web), bare(server)
        found = interleaved(bench.runs, {"ours": lambda: ours(web), "floor": lambda: bare(server)})
    ours_ms, floor_ms = (median(spent.both for _, spent in found[name]) for name in found)
    waits = [wait for load, _ in found["ours"] for wait in load.durations]
    return {
        "list of 50": Measured(ours_ms, floor_ms),
        "list of 50 against bare DRF": Measured(ours_ms, floor_ms),
        "list of 50, p50": Measured(percentile(waits, 50)),
    }


def _an_open_review(database: Database, *, queue: str = QUEUE) -> str:
    with psycopg.connect(database.url) as connection:
        row = connection.execute(
            "SELECT r.id FROM approvals_reviewtask r JOIN approvals_reviewqueue q ON q.id = r.queue_id"
            " WHERE q.slug = %s AND r.status = 'pending' ORDER BY r.deadline_at LIMIT 1",
            [queue],
        ).fetchone()
    assert row, "no open review"
    return str(row[0])


def pages(database: Database) -> dict[str, str]:
    """The addresses of the three pages that reviewers use most."""
    return {
        "home page": "/",
        "queue page": f"/queues/{QUEUE}/",
        "review page": f"/reviews/{_an_open_review(database)}/",
    }


def measure_pages(bench: Bench) -> dict[str, Measured]:
    """The pages, one request at a time and eight at once."""
    found: dict[str, Measured] = {}
    count = max(16, bench.effort.requests // 4)
    people = cookies(bench.database)
    with bench.web() as web:
        for name, path in pages(bench.database).items():

            def p50(threads: int, path: str = path) -> float:
                plan = {"port": web.port, "threads": threads, "requests": gets(path, people, count)}
                return percentile(bench.load(plan).expect(200).durations, 50)

            p50(8)  # each process has compiled its templates
            waits = interleaved(bench.runs, {"1": lambda: p50(1), "8": lambda: p50(8)})
            for at_once, values in waits.items():
                found[f"{name}, c={at_once}, p50"] = Measured(median(values))
    return found


def measure_reviewers(bench: Bench) -> dict[str, Measured]:
    """Fifty people, one action each two seconds: claim the next review, decide it, claim the next one."""
    people = bearers(bench.database)[:50]
    seconds = max(8.0, bench.effort.seconds)
    bench.database.refill(int(50 * seconds * bench.runs), "open")
    plan = {
        "mode": "reviewers",
        "threads": len(people),
        "people": people,
        "claim": f"/api/v1/queues/{QUEUE}/next/",
        "seconds": seconds,
        "every": 2.0,
    }
    with bench.web() as web:
        found = [bench.load({"port": web.port, **plan}) for _ in range(bench.runs)]
    claims = Counter(pk for load in found for pk in load.expect(200, 201).claimed)
    return {
        "claim-next, 50 reviewers, p95": Measured(
            median(percentile(load.durations, 95) for load in found)
        ),
        "double claims": Measured(sum(count - 1 for count in claims.values())),
        "claims": Measured(sum(claims.values())),
    }


def measure_lists(bench: Bench) -> dict[str, Measured]:
    """Each list and search of the API: the slowest of five requests, after one that warms up."""
    people = bearers(bench.database)
    found: dict[str, Measured] = {}
    with bench.web() as web:
        for name, query in LISTS.items():

            def slowest(count: int, query: str = query) -> float:
                plan = {"threads": 1, "requests": gets(LIST + query, people, count)}
                return max(bench.load({"port": web.port, **plan}).expect(200).durations)

            slowest(2)
            found[f"list: {name}"] = Measured(median(slowest(5) for _ in range(bench.runs)))
    found["lists, the slowest"] = Measured(max(row.value for row in found.values()))
    return found


def measure_flat(bench: Bench) -> dict[str, Measured]:
    """How much slower SIZE reviews are than a thousand: the ratio of two p50s, c=1."""
    count = max(20, bench.effort.requests // 5)

    def of(database: Database, web: Process) -> dict[str, float]:
        ids = database.refill(count, "open")
        asked = {
            "list": gets(LIST, bearers(database), count),
            "queue page": gets(f"/queues/{QUEUE}/", cookies(database), count),
            "decision": decisions(database.tokens, ids),
        }
        return {
            name: percentile(
                bench.load({"port": web.port, "threads": 1, "requests": requests})
                .expect(200, 201)
                .durations,
                50,
            )
            for name, requests in asked.items()
        }

    with bench.web(bench.small) as small_web, bench.web(bench.database) as web:
        of(bench.small, small_web), of(bench.database, web)
        found = interleaved(
            bench.runs,
            {
                "small": lambda: of(bench.small, small_web),
                "large": lambda: of(bench.database, web),
            },
        )
    rows = {}
    for name in found["small"][0]:
        large, small = (median(run[name] for run in found[which]) for which in ("large", "small"))
        rows[f"flat: {name}, p50 to that at 1k"] = Measured(large / small)
    return rows


GROUPS = (
    Group(
        "list",
        (
            Spec("list of 50", "CPU ms", "<= 9"),
            Spec("list of 50 against bare DRF", "CPU ms", "ratio >= 0.6"),
            Spec("list of 50, p50", "ms"),
        ),
        measure_list,
    ),
    Group(
        "pages",
        tuple(
            Spec(f"{name}, c={at_once}, p50", "ms", goal)
            for name in ("home page", "queue page", "review page")
            for at_once, goal in ((1, "<= 20"), (8, "<= 140"))
        ),
        measure_pages,
    ),
    Group(
        "reviewers",
        (
            Spec("claim-next, 50 reviewers, p95", "ms", "<= 50"),
            Spec("double claims", "claims", "<= 0"),
            Spec("claims", "claims"),
        ),
        measure_reviewers,
    ),
    Group(
        "lists",
        (
            *(Spec(f"list: {name}", "ms", "<= 100") for name in LISTS),
            Spec("lists, the slowest", "ms", "<= 100"),
        ),
        measure_lists,
    ),
    Group(
        "flat",
        tuple(
            Spec(f"flat: {name}, p50 to that at 1k", "x", "<= 1.2")
            for name in ("list", "queue page", "decision")
        ),
        measure_flat,
    ),
)
