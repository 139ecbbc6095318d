"""`start_orders`: start the order workflow for a file of orders or an S3 object, and show progress."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals.actions import batches as verbs
from approvals.actors import COMMAND_LINE
from approvals.management.command import FINDING, Error, ReviewCommand, Usage
from approvals.management.progress import Bar
from approvals.models import OrderBatch
from approvals.orchestration.batches import acceptance, contents, progress, runner, sources
from approvals.worker import loop, periodic

PATIENCE = 300.0  # seconds without progress after which the rest is left to the sweeper
PAUSE = 0.2
SHOWN = 20
Mode, OnBadRow, Status = OrderBatch.Mode, OrderBatch.OnBadRow, OrderBatch.Status


class Command(ReviewCommand):
    """Start the order workflow for every order of a file, each once."""

    help = (
        "Start the order workflow for the orders in FILE (JSON, JSONL or CSV), each once, however often it"
        " is killed; with --resume, continue a batch that was interrupted or stopped. Exit code 3 if rows"
        " were refused, or the rest is stored and not started yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="FILE", nargs="?", help="a path, or s3://bucket/key")
        parser.add_argument(
            "--mode",
            choices=Mode.values,
            default=Mode.EXECUTIONS.value,
            help="an execution per order (default), per batch, or a distributed Map",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=100,
            metavar="N",
            help="orders per execution of a batch (100)",
        )
        parser.add_argument(
            "--on-bad-row",
            choices=OnBadRow.values,
            default=OnBadRow.SKIP.value,
            help="skip (default) or stop at a row that is not an order",
        )
        parser.add_argument(
            "--resume", metavar="BATCH", type=UUID, help="the id of the batch to continue"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the batch, read it, and start what is due; sweepers start what is left at the end."""
        name = options["file"]
        if not name and not options["resume"]:
            raise Usage("start_orders needs a FILE, or a BATCH to --resume.")
        path = Path(name) if name and not name.startswith(sources.S3) else None
        batch = _resumed(path, options) if options["resume"] else _accepted(name, path, options)
        self.stderr.write(f"batch {batch.pk}")
        stop = self.stop_on_signals()
        reader = runner.Runner(batch.pk, path, seize=bool(options["resume"]))
        _work(batch, reader, stop, Bar(sys.stderr))
        batch.refresh_from_db()
        self._report(batch)

    def _report(self, batch: OrderBatch) -> None:
        stands = progress.by_status(batch)
        for name, count in progress.totals(batch, stands).items():
            self.stdout.write(f"{name:<12}{count:>10}")
        if label := progress.lines_label(batch):
            self.stderr.write(label)
        rows = batch.refusals.order_by("item")
        for row in rows[:SHOWN]:
            self.stderr.write(f"line {row.line}: {row.reason}")
        if batch.refused > SHOWN:
            self.stderr.write(f"... and {batch.refused - SHOWN} rows more were refused")
        if batch.status == Status.STOPPED:
            self.stderr.write(f"stopped: {batch.trouble}")
        elif batch.status != Status.FINISHED:
            self.stderr.write("stored, will be started")
        if batch.status != Status.FINISHED or batch.refused or stands.get("refused"):
            sys.exit(FINDING)


def _accepted(name: str, path: Path | None, options: dict[str, Any]) -> OrderBatch:
    try:
        source = contents.of_object(name) if path is None else sources.of_file(path)
    except OSError as error:
        raise Error(f"{name} cannot be read: {error.strerror}") from error
    wish = acceptance.BatchOptions(options["mode"], options["batch_size"], options["on_bad_row"])
    return acceptance.accept(source, wish, by=COMMAND_LINE)


def _resumed(path: Path | None, options: dict[str, Any]) -> OrderBatch:
    batch = verbs.resume(options["resume"], on_bad_row=options["on_bad_row"], by=COMMAND_LINE)
    from_file = batch.source.startswith(sources.FILE)
    if from_file and batch.status == Status.READING:
        if path is None:
            raise Usage(f"This batch is read from a file, {batch.source.removeprefix('file:')}.")
        try:
            same = sources.digest(path) == batch.source_version
        except OSError as error:
            raise Error(f"{path} cannot be read: {error.strerror}") from error
        if not same:
            raise Error(f"{path} is not the file that this batch was started from.")
    return batch


def _work(batch: OrderBatch, reader: runner.Runner, stop: threading.Event, bar: Bar) -> None:
    """Read the batch in turns while threads start what is due, until it ends or makes no progress."""
    done = threading.Event()
    threads = [
        threading.Thread(target=loop.sweep_lane, args=("executions", done)),
        threading.Thread(target=loop.run_periodically, args=("executions", done)),
    ]
    for thread in threads:
        thread.start()
    try:
        _turn_by_turn(batch, reader, stop, bar)
    finally:
        done.set()
        reader.close()
        for thread in threads:
            thread.join()


def _turn_by_turn(
    batch: OrderBatch, reader: runner.Runner, stop: threading.Event, bar: Bar
) -> None:
    progressed_at, before, shown_at = time.monotonic(), "", 0.0
    while not stop.is_set():
        worked = reader.turn()
        if worked and time.monotonic() < shown_at + PAUSE:
            continue
        shown_at = time.monotonic()
        batch.refresh_from_db()
        share, summary = progress.progress(batch, progress.by_status(batch))
        ended = batch.status == Status.FINISHED or (batch.status == Status.STOPPED and not worked)
        bar.show(share, summary, at_end=ended)
        if ended or time.monotonic() > progressed_at + PATIENCE:
            return
        if summary != before:
            progressed_at, before = time.monotonic(), summary
        if not worked:
            periodic.watch_batch_executions()
            stop.wait(PAUSE)
