"""`recover`: after a restored backup, make the reviews again that AWS waits for, and list differences."""

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
    """Read the executions that may have changed since the backup was made."""

    help = (
        "After a restored backup: make reviews again for open task tokens that have none, and list"
        " outcomes that differ. May be repeated while the service runs. Exit code 3 if there are"
        " differences, or if executions are left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="the queue")
        parser.add_argument(
            "--since", type=moment, required=True, metavar="TIME", help="when the backup was made"
        )
        parser.add_argument(
            "--state-machine",
            action="append",
            metavar="ARN",
            help="whose executions are read; repeat for more (default: the queue's own)",
        )
        parser.add_argument(
            "--before", type=moment, metavar="TIME", help="continue where an earlier run ended"
        )
        parser.add_argument("--limit", type=int, metavar="N", help="stop after N executions")
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each difference as it is found; end with exit code 3 if there is one or some are left."""
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
                fields = {name: visible(value) for name, value in asdict(found).items() if value}
                self.stdout.write(json.dumps(fields) if as_json else "  ".join(fields.values()))
        finally:
            rest = walk.resume_before.isoformat() if walk.resume_before else None
            end = {"executions": walk.examined, "differ": differ, "go_on_before": rest}
            more = f"; go on with --before {rest}" if rest else ""
            said = f"{walk.examined} executions looked into, {differ} differences{more}"
            self.stdout.write(json.dumps(end) if as_json else said)
        if differ or rest:
            sys.exit(FINDING)
