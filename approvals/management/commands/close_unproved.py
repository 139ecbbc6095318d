"""`close_unproved`: closes reviews past their deadline of which nothing can be proved."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from approvals.actions import lifecycle
from approvals.actors import COMMAND_LINE
from approvals.exceptions import ApprovalsError
from approvals.management.command import FINDING, Error, ReviewCommand, Usage
from approvals.models import ReviewTask


class Command(ReviewCommand):
    """Close the named reviews, or all unproved ones of a queue."""

    help = (
        "Close reviews with the status `unproved`: their deadline passed, and nothing can prove what became of"
        " them. Exit code 3 if one of them was not closed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("ids", nargs="*", type=UUID, metavar="ID", help="a review, or several")
        parser.add_argument("--queue", metavar="SLUG", help="every unproved review of this queue")
        parser.add_argument("--reason", required=True, help="why, in 1 to 300 characters")

    def handle(self, *args: Any, **options: Any) -> None:
        """Close one review after the other and write a line for each."""
        ids, slug = options["ids"], options["queue"]
        if bool(ids) == bool(slug):
            raise Usage("Name the reviews, or give --queue.")
        if slug:
            unproved = ReviewTask.objects.filter(
                status=ReviewTask.Status.UNPROVED, queue__slug=slug
            )
            ids = list(unproved.order_by("deadline_at").values_list("pk", flat=True))
        there = set(ReviewTask.objects.filter(pk__in=ids).values_list("pk", flat=True))
        for review_id in ids:
            if review_id not in there:
                raise Error(f"No review {review_id}.")
        refused = 0
        for review_id in ids:
            try:
                lifecycle.close_unproved(review_id, options["reason"], by=COMMAND_LINE)
                self.stdout.write(f"{review_id}  closed")
            except ApprovalsError as error:
                self.stdout.write(f"{review_id}  not closed: {error.message}")
                refused += 1
        self.stdout.write(f"{len(ids) - refused} closed, {refused} not")
        if refused:
            sys.exit(FINDING)
