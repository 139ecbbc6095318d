"""`poll_queue`: receive manual-review messages from SQS and store their reviews, until SIGTERM."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals.exceptions import Unavailable
from approvals.management.command import Error, ReviewCommand, Usage
from approvals.models import ReviewQueue
from approvals.polling import poller, replays, sources, statuses
from config import memory


class Command(ReviewCommand):
    """Poll one queue, or all enabled queues."""

    help = (
        "Receive the messages of the review queues and make reviews of them. SIGTERM ends it after the"
        " current batch."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--queue", metavar="SLUG", help="only this queue (default: all)")
        parser.add_argument(
            "--once", action="store_true", help="end after one empty answer per queue"
        )
        parser.add_argument("--max-messages", type=int, metavar="N", help="stop after N messages")
        parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads per queue")
        parser.add_argument(
            "--dead-letters",
            action="store_true",
            help="read the queues' dead-letter queues instead, into quarantine",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Poll until there is nothing left (with --once), the maximum is reached, or a signal comes."""
        if options["threads"] < 1 or (options["max_messages"] or 1) < 1:
            raise Usage("--threads and --max-messages take a number from 1 upwards.")
        slugs = [options["queue"]] if options["queue"] else []
        budget = poller.Budget(options["max_messages"])
        queues = ReviewQueue.objects.filter(enabled=True).order_by("slug")
        queues = queues.filter(slug__in=slugs) if slugs else queues
        if slugs and not queues.exists():
            raise Error(f"No enabled queue {slugs[0]!r}: register_queue makes one.")
        dead = options["dead_letters"]
        if options["once"]:
            self._once(list(queues), budget, dead_letters=dead, all_queues=not slugs)
            if not slugs and not dead:
                statuses.poll_until_empty()
                replays.work_off()
            return
        memory.tune()
        stop, threads = self.stop_on_signals(), options["threads"]
        poller.poll_queues(slugs, stop, threads=threads, budget=budget, dead_letters=dead)

    def _once(
        self,
        queues: list[ReviewQueue],
        budget: poller.Budget,
        *,
        dead_letters: bool,
        all_queues: bool,
    ) -> None:
        """Empty each queue; one that AWS refuses does not stop the others.

        A queue without a dead-letter queue is an error only if it was named.
        """
        what, refusals = "dead letters" if dead_letters else "messages", []
        for queue in queues:
            try:
                came = poller.poll_until_empty(queue, budget, dead_letters=dead_letters)
            except sources.NoDeadLetterQueue as none:
                if not all_queues:
                    raise Error(none.message) from none
                self.stdout.write(none.message)
                continue
            except Unavailable as error:
                refusals.append(error.message)
                continue
            self.stdout.write(f"{queue.slug}: {came} {what}")
        if refusals:
            raise Error("\n".join(refusals))
