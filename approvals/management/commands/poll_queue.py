"""`poll_queue`: take manual-review messages from SQS into the database until told to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals import polling
from approvals.management.refusals import Error, ReviewCommand, Usage
from approvals.models import ReviewQueue


class Command(ReviewCommand):
    """Poll one queue, or all enabled ones."""

    help = "Turn messages of the review queues into reviews. Stops cleanly on SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of section 9.2."""
        parser.add_argument("--queue", metavar="SLUG", help="only this queue (default: all)")
        parser.add_argument("--once", action="store_true", help="until one empty answer per queue")
        parser.add_argument("--max-messages", type=int, metavar="N", help="stop after N messages")
        parser.add_argument("--threads", type=int, default=1, metavar="N", help="per queue")

    def handle(self, *args: Any, **options: Any) -> None:
        """Poll until done or stopped."""
        if options["threads"] < 1 or (options["max_messages"] or 1) < 1:
            raise Usage("--threads and --max-messages take a number from 1 upwards.")
        slugs = [options["queue"]] if options["queue"] else []
        budget = polling.Budget(options["max_messages"])
        if slugs and not ReviewQueue.objects.filter(slug__in=slugs, enabled=True).exists():
            raise Error(f"No enabled queue {slugs[0]!r}: register_queue makes one.")
        if not options["once"]:
            stop = self.stop_on_signals()
            polling.poll_queues(slugs, stop, threads=options["threads"], budget=budget)
            return
        queues = ReviewQueue.objects.filter(enabled=True)
        for queue in queues.filter(slug__in=slugs) if slugs else queues:
            came = polling.poll_until_empty(queue, budget)
            self.stdout.write(f"{queue.slug}: {came} messages")
