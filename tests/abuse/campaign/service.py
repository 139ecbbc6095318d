"""The service under attack: processes as docs/deploy.md starts them, in production settings, with a fake AWS."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from local.postgres import Server
from local.processes import free_port
from tests.abuse.campaign.memory import Memory
from tests.abuse.corpus import MAP
from tests.bench import processes
from tests.bench.processes import Process
from tests.fake_aws import Remote, spawned
from tests.paths import ROOT

WEB_MIB, OTHER_MIB = 300, 256  # of one process
WEB_PROCESSES = 2
QUEUES = ("honest", "attacked", "mapped", "beating", "schemas")
PASSWORD = "correct horse battery staple"
SCHEMA = {
    "type": "object",
    "properties": {"lines": {"type": "array", "uniqueItems": True}},
}
PEOPLE = """
import json
from django.test import Client
from approvals.actions import credentials, people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, User
ReviewQueue.objects.filter(slug="schemas").update(output_schema={schema!r})
def person(name, *sites):
    user = people.create(name + "@example.com", by=COMMAND_LINE)
    for queue in {queues!r}:
        people.grant(user, queue, "lead" if name == "oscar" else "reviewer", by=COMMAND_LINE)
    for site in sites:
        people.grant_site(user, site, by=COMMAND_LINE)
    user.set_password({password!r})
    user.save()
    browser = Client()
    browser.force_login(user)
    cookie = next(f"{{m.key}}={{m.value}}" for m in browser.cookies.values() if "csrf" not in m.key)
    return {{"cookie": cookie, "token": credentials.issue_token(user, "abuse", by=COMMAND_LINE)}}
made = {{name: person(name) for name in ("hanna", "hugo", "rita")}}
made["olga"] = person("olga", "orders")
print(json.dumps(made | {{"oscar": person("oscar", "operator", "auditor", "orders")}}))
"""


@dataclass
class Service:
    """The running processes, the fake AWS, and the people.

    Hanna and Hugo are the honest reviewers, Rita opens whatever is hostile, Oscar operates, Olga sends
    orders.
    """

    aws: Remote
    database: str
    web: Process
    probe_port: int
    others: dict[str, Process]
    people: dict[str, dict[str, str]]
    machines: dict[str, str]
    urls: dict[str, str]
    secret: str
    memory: Memory
    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)
    patience: float = 5.0  # seconds of one request; it was 10 and more, or never

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the service's database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def count(self, query: str, *parameters: Any) -> int:
        """The number that a query finds."""
        return int(self.rows(query, *parameters)[0][0])

    def headers(self, name: str, **more: str) -> dict[str, str]:
        """Headers of a program of this person."""
        token = self.people[name]["token"]
        return {**processes.HEADERS, "Authorization": f"Bearer {token}", **more}

    def alive(self) -> dict[str, bool]:
        """Which process still runs."""
        found = {name: process.popen.poll() is None for name, process in self.others.items()}
        return {"web": self.web.popen.poll() is None, **found}


@contextlib.contextmanager
def running(folder: Path, postgres: Server, seed: int, heartbeat: int) -> Iterator[Service]:
    """The whole service on an empty database, until the end of the block.

    `heartbeat` are the HeartbeatSeconds of the state machine `beating`.
    """
    log = folder / "aws.jsonl"
    with (
        spawned(log, "--seed", str(seed), "--no-fsync") as (aws, _),
        contextlib.ExitStack() as stack,
    ):
        database, env = _migrated(postgres, aws, folder)
        urls = {name: aws.create_queue(name) for name in QUEUES}
        for name in QUEUES:
            _manage(env, "register_queue", name, "--sqs-url", urls[name], "--undo-seconds", "0",
                    *_options(name, heartbeat))  # fmt: skip
        machines = {
            name: aws.machine(
                name, review_queue_url=urls[name], timeout_seconds=86_400,
                heartbeat_seconds=heartbeat if name == "beating" else 0,
            )
            for name in ("honest", "attacked", "beating")
        }  # fmt: skip
        aws.machine("orders")
        secret = _manage(env, "create_webhook_secret", "erp").strip()
        people = PEOPLE.format(queues=QUEUES, password=PASSWORD, schema=SCHEMA)
        made = json.loads(_manage(env, "shell", "-v", "0", "-c", people).splitlines()[-1])
        probe_port = int(env["PROBE_PORT"])
        web = processes.start_web(env, folder / "web.log")
        stack.callback(web.stop)
        del env["PROBE_PORT"]
        others = {}
        for name in ("poller", "worker", "sweeper"):
            command = processes.documented(name)
            others[name] = Process.start(command, env, folder / f"{name}.log")
            stack.callback(others[name].stop)
        limits = {"web": (web.pid, WEB_MIB)}
        limits |= {name: (process.pid, OTHER_MIB) for name, process in others.items()}
        memory = stack.enter_context(Memory(limits))
        notes = {"heartbeat": heartbeat, "postgres": postgres.process.pid}
        yield Service(
            aws,
            database,
            web,
            probe_port,
            others,
            made,
            machines,
            urls,
            secret,
            memory,
            folder,
            notes,
        )


def _options(name: str, heartbeat: int) -> list[str]:
    if name == "mapped":
        return [part for pair in MAP.items() for part in ("--map", "=".join(pair))]
    return ["--heartbeat-seconds", str(heartbeat)] if name == "beating" else []


def _migrated(postgres: Server, aws: Remote, folder: Path) -> tuple[str, dict[str, str]]:
    """A migrated database, and the environment of the processes: those of the role that owns nothing."""
    owner = urlsplit(postgres.url)._replace(path="/abuse").geturl()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE abuse")
    place = urlsplit(owner)
    application = place._replace(
        netloc=f"countersign_app:{'a' * 32}@127.0.0.1:{place.port}"
    ).geturl()
    env = processes.environment(
        application,
        urlsplit(aws.endpoint).port or 0,
        AWS_REGION="eu-west-1",
        CELERY_QUEUE_URL=aws.create_queue("hints"),
        ORDER_FULFILLMENT_STATE_MACHINE_ARN="arn:aws:states:eu-west-1:123456789012:stateMachine:orders",
        PROBE_PORT=str(free_port()),
        WEB_CONCURRENCY=str(WEB_PROCESSES),
        TMPDIR=str(folder),
    )
    _manage(
        env | {"DATABASE_URL": owner, "APPLICATION_DATABASE_URL": application}, "migrate", "-v", "0"
    )
    return owner, env


def _manage(env: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise processes.BenchError(f"{arguments[0]}: {done.stderr[-1000:]}")
    return done.stdout
