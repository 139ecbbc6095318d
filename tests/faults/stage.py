"""The stage of a campaign: a database and a fake AWS of its own, users, queues, and shortcuts.

The process that runs campaigns has Django ready, and never a second thread before it forks: a child
is a process of ours that is warm after milliseconds, and can be killed at any line.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import pickle
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from approvals import arns
from approvals.actions import decisions, people
from approvals.actors import COMMAND_LINE
from approvals.gateways import aws as gateway
from approvals.models import OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.polling import poller
from approvals.worker import loop
from local.processes import die_with
from tests import factories
from tests.fake_aws import Remote, spawned
from tests.faults import checker, truth, watch
from tests.faults.truth import Breach

REGION = "eu-west-1"
TEMPLATE = "faults_template"
AT_ONCE = decisions.DecisionRequest(undo_seconds=0, reason="Seen.")
STOCK = 50
T = TypeVar("T")
_kept: list[Any] = []  # connections a child has from its parent: never used, and never closed


def make_template() -> None:
    """Migrate the database that all scratch databases are copies of."""
    _administer(f'CREATE DATABASE "{TEMPLATE}"')
    use(TEMPLATE)
    call_command("migrate", verbosity=0)
    connection.close()


def use(database: str) -> None:
    """Let this process, and those it starts, work on this database of the server."""
    connection.close()
    connection.settings_dict["NAME"] = database
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}")
    os.environ["DATABASE_URL"] = url.geturl()


def _administer(statement: str) -> None:
    server = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as other:
        other.execute(statement)


def forked(work: Callable[[], object], *, log: Path | None = None) -> int:
    """Run something in a child that dies with us; returns its process id."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        die_with(parent)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        if log:
            os.dup2(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), 2)
        let_go()
        work()
        code = 0
    except BaseException:  # noqa: BLE001  (whatever it was, a child never runs on as its parent)
        traceback.print_exc()
    finally:
        os._exit(code)


def let_go() -> None:
    """In a child: leave the parent's connections alone, and make our own."""
    _kept.append(connection.connection)
    connection.connection = None
    connection.in_atomic_block, connection.savepoint_ids = False, []
    for client in _clients():
        client.close()


def _clients() -> Iterator[Any]:
    place = arns.Place(REGION)
    if settings.AWS_ENDPOINT_URL:
        yield from (gateway.stepfunctions(place), gateway.sqs(place))


def apart_together(jobs: Sequence[Callable[[], T]], *, workers: int) -> Iterator[T]:
    """What each piece of work returns, in their order, when so many children at a time do them.

    Raises RuntimeError where a child failed.
    """
    begun: list[tuple[int, int]] = []
    left = list(jobs)
    while begun or left:
        while left and len(begun) < workers:
            begun.append(_begun(left.pop(0)))
        yield _said(*begun.pop(0))


def _begun(work: Callable[[], object]) -> tuple[int, int]:
    """A child process that does a piece of work, and the pipe for its result."""
    reading, writing = os.pipe()

    def tell() -> None:
        os.close(reading)
        result = pickle.dumps(work())
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(result)

    pid = forked(tell)
    os.close(writing)
    return pid, reading


def _said(pid: int, reading: int) -> Any:
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status or not result:
        raise RuntimeError(f"the child ended with {os.waitstatus_to_exitcode(status)}")
    return pickle.loads(result)  # noqa: S301  (written by our own child a moment ago)


@dataclass
class Stage:
    """The database, the fake AWS and the rows of one campaign."""

    aws: Remote
    folder: Path
    seed: int
    database: str
    rng: random.Random = field(init=False)
    queue: ReviewQueue = field(init=False)
    machine: str = field(init=False)
    orders: str = field(init=False)
    ada: User = field(init=False)
    bob: User = field(init=False)
    lena: User = field(init=False)
    notes: dict[str, str] = field(default_factory=dict)
    queues: dict[str, ReviewQueue] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)
    _stock: dict[str, list[ReviewTask]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        settings.AWS_ENDPOINT_URL = self.aws.endpoint
        os.environ["AWS_ENDPOINT_URL"] = self.aws.endpoint
        gateway.forget()
        watch.begin(self.folder / f"{self.database}-calls")
        list(_clients())  # made once, before any child: it takes longer than what a child does
        self.queue = self.more_queue("held")
        self.machine = self.machines["held"]
        self.orders = self.aws.machine("orders")
        settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = self.orders
        self.ada = factories.user("ada@example.com", "reviewer", self.queue)
        self.bob = factories.user("bob@example.com", "reviewer", self.queue)
        self.lena = factories.user("lena@example.com", "lead", self.queue)

    def more_queue(
        self, slug: str, sqs: dict[str, str] | None = None, **fields: Any
    ) -> ReviewQueue:
        """One more review queue, with a state machine whose executions wait for a review of it."""
        url = self.aws.create_queue(slug, **(sqs or {}))
        made = factories.queue(slug, sqs_url=url, region=REGION, undo_seconds=3600, **fields)
        self.queues[slug] = made
        self.machines[slug] = self.aws.machine(slug, review_queue_url=url)
        for user in User.objects.filter(email__in=["ada@example.com", "lena@example.com"]):
            people.grant(user, slug, "lead", by=COMMAND_LINE)
        return made

    def number(self) -> int:
        """A number that nothing else has."""
        return int(next(self._numbers))

    def start(self, count: int, slug: str = "held") -> list[str]:
        """Executions that each send one message; their ARNs."""
        names = [f"order-{self.number()}" for _ in range(count)]
        return self.aws.many(
            "start",
            [
                {"machine": self.machines[slug], "name": name, "given": {"order_id": name}}
                for name in names
            ],
        )

    def take_in(self, slug: str = "held") -> None:
        """Poll until nothing more comes."""
        while poller.poll_once(self.queues[slug], wait_seconds=0):
            pass

    def reviews(self, count: int, slug: str = "held") -> list[ReviewTask]:
        """Pending reviews of fresh executions."""
        arns = self.start(count, slug)
        self.take_in(slug)
        return list(ReviewTask.objects.filter(execution_arn__in=arns).order_by("pk"))

    def review(self, slug: str = "held") -> ReviewTask:
        """One pending review, from a stock."""
        stock = self._stock.setdefault(slug, [])
        if not stock:
            stock += self.reviews(STOCK, slug)
        return stock.pop()

    def token_of(self, review: ReviewTask) -> str:
        """The fingerprint of a review's token, by which the fake's verbs know it."""
        return truth.token_of(review)

    def entry_of(self, review: ReviewTask) -> OutboxEntry:
        """The outbox row of a review's decision."""
        review.refresh_from_db()
        return OutboxEntry.objects.get(kind="callback", subject=review.decision_id)

    def deliver(self, review: ReviewTask) -> None:
        """Sweep until the review's decision has come to an end, its pauses cut short."""
        review.refresh_from_db()
        if review.decision_id is None:
            return
        self.settle(review.decision_id)

    def settle(self, subject: UUID) -> None:
        """Sweep until what was to be sent for this row has come to an end, its pauses cut short."""
        for _ in range(40):
            if not due_now("subject = %s", [subject]):
                return
            loop.sweep_once()
        self.notes.setdefault(str(subject), "40 sweeps did not end it")

    def judge(self, *, finished: bool = True, slugs: tuple[str, ...] = ("held",)) -> list[Breach]:
        """The breaches that the checker finds on the whole stage."""
        left = [body for slug in slugs for body in self.aws.bodies(self.queues[slug].sqs_url)]
        held = [Breach("I-13", f"{call} was called in a transaction") for call in watch.seen()]
        return checker.check(self.aws.log, left=left, finished=finished) + held

    def unfired(self) -> list[dict[str, Any]]:
        """Planned faults that never happened; those of a task that found it over do not count."""
        return [fault for fault in self.aws.unfired() if fault["kind"] != "in vain"]


@contextlib.contextmanager
def opened(name: str, seed: int, folder: Path) -> Iterator[Stage]:
    """A stage on a fresh database and a fresh AWS, in this process."""
    mark = hashlib.sha256(f"{name}{os.getpid()}{time.time()}".encode()).hexdigest()[:8]
    database = f"faults_{name.replace('-', '_')}_{mark}"
    _administer(f'CREATE DATABASE "{database}" TEMPLATE "{TEMPLATE}"')
    use(database)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}-{mark}.jsonl"
    try:
        with spawned(log, "--seed", str(seed), "--no-fsync") as (aws, _):
            yield Stage(aws, folder, seed, database)
    finally:
        connection.close()
        with contextlib.suppress(psycopg.Error):
            _administer(f'DROP DATABASE "{database}" WITH (FORCE)')
        log.unlink(missing_ok=True)


def due_now(where: str = "true", parameters: list[Any] | None = None) -> int:
    """Cut the pauses and the leases of outbox rows short: by moving rows, not clocks.

    Returns how many rows were still on their way. Breakers and allowances are moved with them.
    """
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_breaker SET retry_at = now() WHERE retry_at > now()")
        cursor.execute('UPDATE approvals_ratebucket SET "left" = 10000 WHERE "left" < 5')
        cursor.execute(
            "UPDATE approvals_outboxentry SET not_before = LEAST(not_before, now()),"  # noqa: S608
            " lease_until = CASE WHEN state = 'sending' THEN now() END"
            f" WHERE state IN ('waiting', 'sending') AND {where}",
            parameters or [],
        )
        return int(cursor.rowcount)


def hurry() -> int:
    """Cut the pauses of rows that wait short, and no lease: what is under way stays under way."""
    return due_now("state = 'waiting'")


def on_their_way() -> int:
    """How many outbox rows have not come to an end."""
    return OutboxEntry.objects.filter(state__in=["waiting", "sending"]).count()
