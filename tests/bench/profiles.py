"""`python -m tests.bench.profiles [--size 1k]`: why the rows of a benchmark cost what they do.

Prints for a decision, the list of 50 and the three pages which packages the web process computes in, what a review
occupies on the disk by table, and the memory of the web pair by what it is.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import re
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from local.postgres import Server
from tests.bench import harness
from tests.bench.harness import Bench, Database
from tests.bench.machine import tree
from tests.bench.processes import HEADERS
from tests.paths import ROOT

COUNT, WARM_UP = 200, 30  # requests of a kind
SHOWN = 14  # lines of a table
_PACKAGE = re.compile(r"site-packages/([^/.]+)(?:/([^/.]+))?|/(approvals|config)/([^/.]+)")
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$")
Requests = Mapping[str, list[list[Any]]]


def main() -> int:
    """Seed a database, profile in a child process what the web process does, and print all tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profiles", description=__doc__)
    parser.add_argument("--size", choices=harness.SIZES, default="1k", help="how many reviews")
    asked = parser.parse_args()
    folder = ROOT / "var" / f"profiles-{os.getpid()}"
    server = Server.start(folder / "postgres", durable=True)
    try:
        harness.django_ready(server.url)
        from tests.bench import population  # noqa: PLC0415  (it needs Django)

        bench = Bench(asked.size, 1, folder, server, population.seeded)
        try:
            _print_disk(bench.database)
            _print_memory(bench)
            child = [sys.executable, "-m", "tests.bench.profiles_child"]
            plan = json.dumps(_requests(bench.database))
            sys.stdout.flush()
            with bench.log("web").open("w") as log:
                env = bench.environment(bench.database, DATABASE_POOL_SIZE="10")
                subprocess.run(
                    child, cwd=ROOT, env=env, input=plan, stderr=log, text=True, check=True
                )
        finally:
            bench.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _requests(database: Database) -> Requests:
    from tests.bench import rows_decision, rows_http  # noqa: PLC0415  (they need Django)

    count = COUNT + WARM_UP
    ids = database.refill(count, "open")
    found: dict[str, list[list[Any]]] = {"decision": rows_decision.decisions(database.tokens, ids)}
    found["list of 50"] = rows_http.gets(rows_http.LIST, rows_http.bearers(database), count)
    for name, path in rows_http.pages(database).items():
        found[name] = rows_http.gets(path, rows_http.cookies(database), count)
    return found


def _table(title: str, lines: Mapping[str, float], unit: str) -> None:
    total = sum(lines.values())
    sys.stdout.write(f"\n{title}: {total:.1f} {unit}\n")
    shown = Counter(lines).most_common(SHOWN)
    rest = total - sum(value for _, value in shown)
    for name, value in [*shown, *([("others", rest)] if len(lines) > SHOWN else [])]:
        sys.stdout.write(f"  {name:<44}{value:>9.2f}  {value / total:>4.0%}\n")


def _print_disk(database: Database) -> None:
    """Bytes a review, by table: of its rows, of what is stored apart, and of its indexes."""
    query = """
        SELECT relname, pg_relation_size(oid), pg_table_size(oid) - pg_relation_size(oid), pg_indexes_size(oid)
        FROM pg_class WHERE relkind = 'r' AND relname LIKE 'approvals\\_%'
    """
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(query).fetchall()
    lines = {}
    for name, *sizes in rows:
        for part, size in zip(("rows", "apart", "indexes"), sizes, strict=True):
            lines[f"{name.removeprefix('approvals_')}: {part}"] = size / database.size
    _table("disk a review", lines, "bytes")


def _print_memory(bench: Bench) -> None:
    """PSS of the web pair at rest, by what is mapped."""
    lines: defaultdict[str, float] = defaultdict(float)
    with bench.web() as web:
        for pid in tree(web.pid):
            what = ""
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                if mapping := _MAPPING.match(line):
                    what = _kind(mapping[1])
                elif line.startswith("Pss:"):
                    lines[what] += int(line.split()[1]) * 1024 / 1e6
    _table("web pair at rest, PSS", lines, "MB")


def _kind(mapped: str) -> str:
    if not mapped or mapped.startswith(("[heap]", "[anon")):
        return "memory of Python and of libraries"
    if found := _PACKAGE.search(mapped):
        return f"library of {found[1] or found[3]}"
    return Path(mapped).name if mapped.startswith("/") else mapped


def profile(application: Any, requests: Requests) -> None:
    """Answer each request in this thread, first for the time, then under the profiler, and print both."""
    for name, all_of_them in requests.items():
        half = WARM_UP + COUNT // 2
        for each in all_of_them[:WARM_UP]:
            _answer(application, each)
        cpu, here, wall = time.process_time(), time.thread_time(), time.monotonic()
        for each in all_of_them[WARM_UP:half]:
            _answer(application, each)
        count = half - WARM_UP
        here, cpu = (time.thread_time() - here) / count, (time.process_time() - cpu) / count
        wall = (time.monotonic() - wall) / count
        profiler = cProfile.Profile(time.thread_time)  # no time that it waits
        profiler.enable()
        for each in all_of_them[half:]:
            _answer(application, each)
        profiler.disable()
        own = _by_package(pstats.Stats(profiler).stats)  # type: ignore[attr-defined]
        scale = here * 1000 / sum(own.values())
        others = (cpu - here) * 1000
        title = (
            f"{name}: {wall * 1000:.1f} ms, other threads {others:.1f} CPU ms; this one by package"
        )
        _table(title, {package: seconds * scale for package, seconds in own.items()}, "CPU ms")


def _answer(application: Any, request: Iterable[Any]) -> None:
    method, path, headers, body = request
    path, _, query = path.partition("?")
    raw = (body or "").encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(raw)), "CONTENT_TYPE": "application/json", "wsgi.input": io.BytesIO(raw),
        "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "wsgi.multithread": True,
    }  # fmt: skip
    for name, value in {**HEADERS, **headers}.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    statuses: list[str] = []
    chunks = application(environ, lambda status, _headers, _error=None: statuses.append(status))
    b"".join(chunks)
    chunks.close()
    if statuses[0][:3] not in {"200", "201"}:
        raise SystemExit(f"{method} {path}: {statuses[0]}")


def _by_package(stats: Mapping[tuple[str, int, str], Any]) -> Counter[str]:
    """Seconds of each package's own functions; those of built-in ones count for their callers."""
    found: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, callers) in stats.items():
        if file != "~":
            found[_package(file)] += own
        elif not callers:
            found[function] += own
        else:
            for (caller, *_), (_, _, part, _) in callers.items():
                found[_package(caller)] += part
    return found


def _package(file: str) -> str:
    found = _PACKAGE.search(file)
    if not found:
        return "Python's library"
    parts = [part for part in found.groups() if part]
    return ".".join(parts[:2]) if parts[0] in {"django", "approvals", "config"} else parts[0]


if __name__ == "__main__":
    sys.exit(main())
