"""Runs order batches: reads the source of each in turns, and records its orders to be started.

Each turn reads one chunk and records it by an action, in one transaction. The outbox starts the
executions; reconciliation reads what became of them. Any process may take the next turn of a batch
whose lease is free, unless its source is a file of another machine.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q

from approvals.actions import batches
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import s3
from approvals.models import BatchExecution, OrderBatch, OutboxEntry
from approvals.orchestration import order_amounts
from approvals.orchestration.batches import contents, distributed_map, parsers, sources
from approvals.records import execution_names, failing_rows, order_validation
from approvals.records.order_batches import Item, Lines, Refusal

log = structlog.get_logger(__name__)

TASK = "batches"
ROWS_A_TURN = 500
# Of the 262,144 bytes of an execution's state; the rest is for the outcome of each order.
MOST_BYTES = 180_000
FRAME = 64  # bytes of an order in the input of a batch execution, beside its name and its input
MOST_WAITING = 2_000  # starts; above, no more is read, so that single orders are not delayed
ROUND_SECONDS = 2.0  # of one round over all batches
AT_ONCE, MOST_BATCHES = 100, 2_000  # batches of one round; batches that are looked at
SOURCE_PAUSE = 10.0  # seconds until an unavailable source is tried again
Mode, Status = OrderBatch.Mode, OrderBatch.Status


class Runner:
    """Works on one batch, turn after turn; between turns its source stays open at its position."""

    def __init__(self, batch_id: UUID, path: Path | None = None, *, seize: bool = False) -> None:
        self.batch_id = batch_id
        self._path = path
        self._seize = seize  # take the first turn even if another process has the lease
        self._turn: batches.Turn | None = None
        self._open = ExitStack()
        self._rows: parsers.Rows | None = None
        self._counted: parsers.Counted | None = None
        self._next: parsers.Row | None = None  # read, and not in the turn before for its size
        self._paused_until = self._renew_at = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether its source was unavailable a moment ago, so that it is not tried again yet."""
        return time.monotonic() < self._paused_until

    def turn(self) -> bool:
        """Do the next piece of work; False if there is none now, or another process has the lease."""
        if self.is_paused:
            return False
        if self._turn is None and not _has_work_for_one(self.batch_id):
            batches.finish(self.batch_id)
            return False
        self._turn = self._turn or batches.take(self.batch_id, seize=self._seize)
        self._seize = False
        if self._turn is None:
            return False
        try:
            return self._work(self._turn)
        except batches.LeaseLost:
            self._turn = None
            self.close()
            return False
        except (Unavailable, Invalid) as error:  # a later turn resumes at the same position
            log.warning("batch.source_away", batch=str(self.batch_id), error=error.message)
            batches.note_problem(self.batch_id, s3.explained(error))
            self._paused_until = time.monotonic() + SOURCE_PAUSE
            self.close()
            return False
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close the source and give the lease back."""
        self._open.close()
        self._open, self._rows = ExitStack(), None
        if self._turn is not None:
            batches.give_back(self._turn)
            self._turn = None

    def _work(self, turn: batches.Turn) -> bool:
        if turn.batch.status == Status.READING:
            if _too_many_waiting():
                batches.renew(turn)
                return False
            self._turn = self._pinned(turn) if not turn.batch.source_version else self._read(turn)
            return True
        if distributed_map.to_be_handed_over(turn.batch):
            self._turn = distributed_map.hand_over(turn)
            return True
        self.close()
        return False

    def _pinned(self, turn: batches.Turn) -> batches.Turn:
        try:
            found = contents.of_object(turn.batch.source)
        except Invalid as error:
            return batches.record(turn, batches.Chunk(problem=error.message))
        return batches.pin(turn, version=found.version, size=found.size, form=found.form)

    def _read(self, turn: batches.Turn) -> batches.Turn:
        try:
            chunk = self._rows_of(turn.batch, self._rows or self._begin(turn.batch))
        except Invalid as error:  # the source is gone, or is no longer what it was
            chunk = batches.Chunk(problem=error.message)
        return batches.record(turn, chunk)

    def _rows_of(self, batch: OrderBatch, rows: parsers.Rows) -> batches.Chunk:
        """The next rows, up to what one execution carries or one transaction should hold."""
        most = batch.size if batch.mode == Mode.BATCHES else ROWS_A_TURN
        items: list[Item] = []
        refusals: list[Refusal] = []
        held, problem, at_end, lines = 0, "", False, Lines()
        while len(items) + len(refusals) < most and not problem and not at_end:
            row, self._next = self._next or next(rows, None), None
            if row is None:
                at_end, lines = True, rows.lines
                break
            item = _item(row, batch.position + len(items) + len(refusals) + 1, batch)
            if isinstance(item, Refusal):
                lines = row.lines
                refusals.append(item)
                if row.ends or batch.on_bad_row == OrderBatch.OnBadRow.STOP:
                    problem = f"Line {item.line}: {item.reason}"
                continue
            weight = 0 if item.alone or batch.mode != Mode.BATCHES else _weight(item)
            if held + weight > MOST_BYTES:
                self._next = row
                break
            items.append(item)
            lines = row.lines
            held += weight
        given = self._counted.given if self._counted else 0
        return batches.Chunk(items, refusals, given, problem, at_end, lines)

    def _keep_the_lease(self) -> None:
        """Renew the lease while rows that were read before are skipped, which may outlast it."""
        if self._turn is not None and time.monotonic() > self._renew_at:
            batches.renew(self._turn)
            self._renew_at = time.monotonic() + batches.LEASE.total_seconds() / 3

    def _begin(self, batch: OrderBatch) -> parsers.Rows:
        stream = self._open.enter_context(contents.opened(batch, self._path))
        self._counted, self._next = parsers.Counted(stream, self._keep_the_lease), None
        # Release 0.3.0 counted no lines and other rows: what it has begun is read again, and starts nothing twice.
        began_before = batch.format != OrderBatch.Format.JSON and not batch.lines
        skip = 0 if began_before else batch.position
        self._rows = parsers.rows(self._counted, batch.format, skip=skip)
        return self._rows


def _item(row: parsers.Row, number: int, batch: OrderBatch) -> Item | Refusal:
    if row.order is None:
        return Refusal(number, row.line, row.code, row.reason)
    try:
        order_id, text = order_validation.parse(order_amounts.checked(row.order))
    except Invalid as error:
        return Refusal(number, row.line, error.code, error.message)
    former = order_validation.former(row.written or row.order, text)
    name = execution_names.of_order(order_id)
    item = Item(number, row.line, order_id, name, text, former=former)
    is_alone = batch.mode != Mode.EXECUTIONS and _weight(item) > MOST_BYTES
    return replace(item, alone=True) if is_alone else item


def _weight(item: Item) -> int:
    """How many bytes an order takes in the input of its batch execution."""
    return FRAME + len(item.name) + len(json.dumps(item.text, ensure_ascii=False).encode())


def _too_many_waiting() -> bool:
    """Whether so many starts wait already that no more rows are to be read yet."""
    waiting = OutboxEntry.objects.filter(
        lane=OutboxEntry.Lane.EXECUTIONS, state=OutboxEntry.State.WAITING
    )
    return waiting[MOST_WAITING : MOST_WAITING + 1].exists()


def _has_work_for_one(batch_id: UUID) -> bool:
    """Whether a batch has work that needs its lease: reading, or starting a Distributed Map."""
    batch = OrderBatch.objects.get(pk=batch_id)
    return batch.status == Status.READING or distributed_map.to_be_handed_over(batch)


class Scheduler:
    """Gives every batch under way its turns; its runners keep their sources open between rounds."""

    def __init__(self) -> None:
        self._runners: dict[UUID, Runner] = {}

    def turn(self) -> int:
        """One round: turns of each batch this process can read; returns how many turns did something."""
        under_way = _under_way()
        for pk in self._runners.keys() - set(under_way):
            self._runners.pop(pk).close()
        due = [pk for pk in under_way if not self._is_paused(pk)][:AT_ONCE]
        done, until = 0, time.monotonic() + ROUND_SECONDS
        while worked := sum(map(self._one, due)):
            done += worked
            if time.monotonic() > until:
                break
        return done

    def _is_paused(self, batch_id: UUID) -> bool:
        """Whether its source was unavailable just now, so that it does not delay other batches."""
        runner = self._runners.get(batch_id)
        return runner is not None and runner.is_paused

    def _one(self, batch_id: UUID) -> bool:
        """One turn of one batch; its failure does not stop the others."""
        runner = self._runners.setdefault(batch_id, Runner(batch_id))
        return bool(failing_rows.attempt(TASK, batch_id, lambda _: runner.turn()))


def _under_way() -> list[UUID]:
    """Batches that have not ended and whose source this process can read."""
    readable = Q(status=Status.READING) & ~Q(source__startswith=sources.FILE)
    waiting = BatchExecution.objects.filter(batch=OuterRef("pk"), number__gt=OuterRef("carriers"))
    stopped = Q(status=Status.STOPPED, mode=Mode.MAP) & Exists(waiting)
    mine = OrderBatch.objects.filter(readable | Q(status=Status.READ) | stopped)
    return list(mine.order_by("created_at").values_list("pk", flat=True)[:MOST_BATCHES])
