"""`probe`: asks Step Functions by a heartbeat whether the tokens of overdue reviews are still open."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.db.models import Q
from django.db.models.functions import Now

from approvals.management.command import FINDING, ReviewCommand, Usage
from approvals.models import ReviewTask
from approvals.reconciliation import executions

Status = ReviewTask.Status


class Command(ReviewCommand):
    """Send one SendTaskHeartbeat for each overdue review."""

    help = (
        "Ask Step Functions by SendTaskHeartbeat whether the tokens of reviews past their deadline are still"
        " open; one that is closed has expired, with that as its proof. Only for queues that allow it"
        " (register_queue --probe on): where the state has HeartbeatSeconds, a heartbeat prolongs its wait."
        " Exit code 3 if one could not be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="a review, or several")
        parser.add_argument("--queue", metavar="SLUG", help="every overdue review of this queue")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for one review after the other and write a line for each."""
        ids, slug = options["ids"], options["queue"]
        if bool(ids) == bool(slug):
            raise Usage("Name the reviews, or give --queue.")
        named = Q(queue__slug=slug) if slug else Q(pk__in=ids)
        allowed = Q(queue__probe_with_heartbeats=True) | Q(queue__heartbeat_seconds__isnull=False)
        undecided = ReviewTask.objects.filter(named, status__in=[Status.PENDING, Status.UNPROVED])
        overdue = undecided.filter(allowed, deadline_at__lte=Now()).order_by("deadline_at")
        found = {pk: executions.probe(pk) for pk in list(overdue.values_list("pk", flat=True))}
        for pk, what in found.items():
            self.stdout.write(f"{pk}  {what}")
        left = [pk for pk in ids if pk not in found]
        for pk in left:
            self.stdout.write(f"{pk}  not asked: closed, not overdue, or its queue allows no probe")
        self.stdout.write(f"{len(found)} asked")
        if left or not {"open", "expired"} >= set(found.values()):
            sys.exit(FINDING)
