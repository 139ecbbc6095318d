"""What costs without requests: the idle worker, the audit's verification, memory, and bytes on disk."""

from __future__ import annotations

import subprocess
import time

import psycopg

from tests.bench import processes
from tests.bench.harness import Bench, Meter, running
from tests.bench.machine import pss_mb
from tests.bench.processes import BenchError
from tests.bench.rows import Group, Measured, Spec, median
from tests.bench.rows_decision import bearer, decisions
from tests.bench.rows_http import LIST
from tests.bench.rows_worker import settle
from tests.paths import ROOT

SETTLED = 8.0  # seconds until a new worker has done what its start needs
_END_AUTOVACUUM = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
AUDITED = 20_000  # reviews of the database whose audit trail is verified, at most


def measure_idle(bench: Bench) -> dict[str, Measured]:
    """The worker's loop (`sweep`) with nothing due: CPU seconds a minute."""
    settle(bench)
    with psycopg.connect(bench.database.url, autocommit=True) as database:
        database.execute("VACUUM ANALYZE")
        database.execute(
            "ALTER SYSTEM SET autovacuum = off"
        )  # what was seeded, it would go on with
        database.execute("SELECT pg_reload_conf()")
        database.execute(_END_AUTOVACUUM)
        database.execute("CHECKPOINT")
    bench.stub.request("POST", "/control", {"reset": True, "supply": 0, "delay": 0})
    own, postgres = [], []
    with running(bench.start("sweeper")) as worker:
        time.sleep(SETTLED)
        for _ in range(bench.runs):
            meter = Meter(worker.pid, bench.postgres.process.pid)
            time.sleep(max(10.0, bench.effort.seconds))
            spent = meter.per(meter.seconds / 60)
            own.append(spent.server / 1000)
            postgres.append(spent.postgres / 1000)
        if worker.popen.poll() is not None:
            raise BenchError("the worker has ended")
    with psycopg.connect(bench.database.url, autocommit=True) as database:
        database.execute("ALTER SYSTEM RESET autovacuum")
        database.execute("SELECT pg_reload_conf()")
    return {
        "idle, worker": Measured(median(own)),
        "idle, PostgreSQL": Measured(median(postgres)),
    }


def measure_audit(bench: Bench) -> dict[str, Measured]:
    """`verify_audit` over every chain, without the time of its start."""
    size = min(bench.database.size, AUDITED)
    small = size < bench.database.size
    database = bench.seeded(bench, "audited", size) if small else bench.database
    with psycopg.connect(database.url) as connection:
        count = connection.execute("SELECT count(*) FROM approvals_auditevent").fetchone()
        one = connection.execute("SELECT id FROM approvals_reviewtask LIMIT 1").fetchone()
    assert count
    assert one
    env = bench.environment(database)

    def seconds(*arguments: str) -> float:
        command = processes.runnable(["python", "manage.py", "verify_audit", *arguments])
        began = time.monotonic()
        ran = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise BenchError(f"verify_audit: {ran.stdout[-150:]} {ran.stderr[-150:]}")
        return time.monotonic() - began

    rates = []
    for _ in range(bench.runs):
        start = seconds("--review", str(one[0]))
        rates.append(count[0] / max(0.01, seconds() - start))
    return {"verify_audit": Measured(median(rates))}


def measure_memory(bench: Bench) -> dict[str, Measured]:
    """PSS of the web pair: ready, and after decisions and lists at c=16 for `soak` seconds."""
    database, until = bench.database, time.monotonic() + bench.effort.soak
    with bench.web() as web:
        at_rest = pss_mb(web.pid)
        while time.monotonic() < until:
            requests = decisions(database.tokens, database.refill(400, "open"))
            lists = [["GET", LIST, bearer(token), None] for token in database.tokens]
            plan = {"port": web.port, "threads": 16, "requests": requests + lists}
            bench.load(plan).expect(200, 201)
        loaded = pss_mb(web.pid)
    return {
        "web pair at rest, PSS": Measured(at_rest),
        "web pair after load, PSS": Measured(loaded),
    }


def measure_disk(bench: Bench) -> dict[str, Measured]:
    """Bytes of the database a review with all its rows, after seeding and VACUUM."""
    return {"disk a review": Measured(bench.database.facts["bytes"] / 1000)}


DISK = Group("disk", (Spec("disk a review", "KB", "<= 5"),), measure_disk)
GROUPS = (
    Group(
        "idle",
        (
            Spec("idle, worker", "CPU s/min", "<= 1.5"),
            Spec("idle, PostgreSQL", "CPU s/min", "<= 1"),
        ),
        measure_idle,
    ),
    Group("audit", (Spec("verify_audit", "/s", ">= 20,000", higher=True),), measure_audit),
    Group(
        "memory",
        (
            Spec("web pair at rest, PSS", "MB", "<= 150"),
            Spec("web pair after load, PSS", "MB", "<= 200"),
        ),
        measure_memory,
    ),
)
