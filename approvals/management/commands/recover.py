"""`recover`: after a restored backup, take in again what AWS still waits for, and name what differs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from approvals.management.command import FINDING, Error, ReviewCommand, Usage, moment
from approvals.models import ReviewQueue
from approvals.reconciliation import recovery
from approvals.untrusted.display import visible


class Command(ReviewCommand):
    """Go through the executions that may have done something since the backup was made."""

    help = (
        "Open task tokens without a review become reviews again; outcomes that differ are listed."
        " May be repeated, beside all that runs. Exit code 3 for a difference, or not at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("slug")
        parser.add_argument("--since", type=moment, required=True, help="when the backup was made")
        parser.add_argument(
            "--state-machine", action="append", metavar="ARN", help="default: the queue's own"
        )
        parser.add_argument("--before", type=moment, help="go on where an earlier run ended")
        parser.add_argument("--limit", type=int, metavar="N", help="stop after N executions")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say each difference as it is found, and end with 3 where there is one."""
        queue = ReviewQueue.objects.filter(slug=options["slug"]).first()
        if queue is None:
            raise Error(f"No queue {options['slug']!r}.")
        machines = options["state_machine"] or recovery.machines_of(queue)
        if not machines or (options["limit"] is not None and options["limit"] < 1):
            raise Usage("Name the --state-machine; --limit takes a number from 1 upwards.")
        bounds = options["since"], options["before"], options["limit"]
        walk = recovery.Recovery(queue, machines, *bounds, self.stop_on_signals())
        differ, as_json = 0, options["json"]
        try:
            for found in walk:
                differ += 1
                told = {name: visible(value) for name, value in asdict(found).items() if value}
                self.stdout.write(json.dumps(told) if as_json else "  ".join(told.values()))
        finally:
            rest = walk.resume_before.isoformat() if walk.resume_before else None
            end = {"executions": walk.examined, "differ": differ, "go_on_before": rest}
            more = f"; go on with --before {rest}" if rest else ""
            said = f"{walk.examined} executions looked into, {differ} differences{more}"
            self.stdout.write(json.dumps(end) if as_json else said)
        if differ or rest:
            sys.exit(FINDING)
