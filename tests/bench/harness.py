"""One run of the benchmarks: PostgreSQL with fsync, the stub of AWS, seeded databases, and the meters."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from local.postgres import Server
from local.processes import free_port
from tests.bench import processes
from tests.bench.machine import cpu_seconds
from tests.bench.processes import Load, Process

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}


@dataclass(frozen=True)
class Effort:
    """How long rows measure: short for a small size, full for a release."""

    requests: int  # of one measurement by closed load
    seconds: float  # of one measurement by the clock
    entries: int  # messages or callbacks of one measurement
    soak: float  # seconds of load before memory is read again


EFFORTS = {
    "1k": Effort(requests=60, seconds=5, entries=200, soak=5),
    "10k": Effort(requests=300, seconds=15, entries=800, soak=30),
    "100k": Effort(requests=400, seconds=20, entries=1_500, soak=60),
    "1M": Effort(requests=600, seconds=60, entries=3_000, soak=600),
    "10M": Effort(requests=600, seconds=60, entries=3_000, soak=600),
}


@dataclass(frozen=True)
class Spent:
    """CPU ms for each of a number of units of work: of the server's processes and of PostgreSQL."""

    server: float
    postgres: float

    @property
    def both(self) -> float:
        """Their sum."""
        return self.server + self.postgres


@dataclass
class Database:
    """A seeded database of the service, with the identifiers that rows need."""

    url: str
    size: int
    tokens: list[str]
    cookies: list[str]
    refill: Callable[[int, str], list[str]]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Bench:
    """What all rows share. `database` and `small` are seeded when they are first needed."""

    size: str
    runs: int
    folder: Path
    postgres: Server
    seeded: Callable[[Bench, str, int], Database]
    others: dict[str, Any] = field(default_factory=dict)  # databases of floor and peer, by name

    @property
    def effort(self) -> Effort:
        """How long rows measure."""
        return EFFORTS[self.size]

    @cached_property
    def stub(self) -> Process:
        """The stub of AWS, for the whole run."""
        return processes.start_stub(self.log("stub"), free_port())

    @cached_property
    def database(self) -> Database:
        """The database with SIZE reviews."""
        return self.seeded(self, "countersign", SIZES[self.size])

    @cached_property
    def small(self) -> Database:
        """A database with 1,000 reviews."""
        return self.database if self.size == "1k" else self.seeded(self, "small", 1_000)

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.folder / f"{name}.log"

    def environment(self, database: Database | str, **more: str) -> dict[str, str]:
        """The environment of a process of the service on this database."""
        url = database if isinstance(database, str) else database.url
        return processes.environment(url, self.stub.port, **more)

    def start(self, process: str, *arguments: str, database: Database | None = None) -> Process:
        """Start a documented process of the service that has no port."""
        command = [*processes.documented(process), *arguments]
        env = self.environment(database or self.database)
        return Process.start(command, env, self.log(process))

    @contextlib.contextmanager
    def web(self, database: Database | None = None) -> Iterator[Process]:
        """The web pair, while the block runs."""
        database = database or self.database
        process = processes.start_web(self.environment(database), self.log("web"))
        with running(process):
            yield process

    @contextlib.contextmanager
    def bare(self, application: str, url: str) -> Iterator[Process]:
        """The server of a floor or of the peer, while the block runs."""
        with running(processes.start_bare(application, url, self.log(application))) as process:
            yield process

    def create_database(self, name: str) -> str:
        """Create an empty database on the run's server; returns its URL."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return urlsplit(self.postgres.url)._replace(path=f"/{name}").geturl()

    def metered(self, server: Process, plan: dict[str, Any]) -> tuple[Load, Spent]:
        """Run a load against a server; the CPU ms are those a request."""
        meter = Meter(server.pid, self.postgres.process.pid)
        load = processes.run_load({"port": server.port, **plan})
        return load, meter.per(len(load.durations))

    def load(self, plan: dict[str, Any]) -> Load:
        """Run a load; the plan names the port."""
        return processes.run_load(plan)

    def close(self) -> None:
        """Stop the stub."""
        if "stub" in self.__dict__:
            self.stub.stop()


class Meter:
    """CPU time of a server's process tree and of PostgreSQL since it was made."""

    def __init__(self, server: int, postgres: int) -> None:
        self._server, self._postgres = server, postgres
        self._began = time.monotonic()
        self._before = self._read()

    def _read(self) -> tuple[float, float]:
        return cpu_seconds([self._server]), cpu_seconds([self._postgres])

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._began

    def per(self, units: float) -> Spent:
        """CPU ms a unit."""
        server, postgres = self._read()
        return Spent(
            (server - self._before[0]) * 1000 / units, (postgres - self._before[1]) * 1000 / units
        )


@contextlib.contextmanager
def running(*started: Process) -> Iterator[Process]:
    """Stop these processes at the end of the block; yields the first."""
    try:
        yield started[0]
    finally:
        for process in started:
            process.stop()


def django_ready(url: str) -> None:
    """Let this process use the service's models, with the settings of its processes."""
    os.environ.update(processes.environment(url, 1) | {"LOG_LEVEL": "ERROR"})
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415  (the settings need the server's address)

    django.setup()
