"""`grant`: give a user a role in a queue, or a right outside queues."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from approvals import policy
from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.management.command import Error, ReviewCommand, Usage
from approvals.models import QueueMembership, ReviewQueue, User


class Command(ReviewCommand):
    """Grant a role or a site right; `--create` makes the user first."""

    help = (
        "Give EMAIL a role in a queue, or (with --site) a right outside queues. Prints a link that sets a"
        " password until one is set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", help="the user")
        parser.add_argument("queue", nargs="?", metavar="QUEUE", help="the queue of the role")
        parser.add_argument(
            "role", nargs="?", choices=QueueMembership.Role.values, help="the role in the queue"
        )
        parser.add_argument(
            "--site",
            choices=policy.SITE_GROUPS,
            metavar="RIGHT",
            help="a right outside queues: orders, auditor or operator",
        )
        parser.add_argument(
            "--create",
            action="store_true",
            help="make the user if there is none with this e-mail address",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Grant, and print a link that sets the password of a person who has none yet."""
        queue, role, site = options["queue"], options["role"], options["site"]
        if bool(queue) != bool(role) or bool(site) == bool(queue):
            raise Usage("Name either a queue and a role, or --site RIGHT.")
        if queue and not ReviewQueue.objects.filter(slug=queue).exists():
            raise Error(f"No queue {queue!r}: register_queue makes one.")
        email = options["email"].strip().lower()
        known = User.objects.filter(email=email).first()
        if known is None and options["create"]:
            user = people.create(email, by=COMMAND_LINE)
        else:
            user = known or self.user(email)
        if site:
            people.grant_site(user, site, by=COMMAND_LINE)
        else:
            people.grant(user, queue, role, by=COMMAND_LINE)
        self.stdout.write(f"{user.email} has {site or f'{role} in {queue}'}.")
        if user.is_active and user.kind == User.Kind.PERSON and not user.has_usable_password():
            self.stdout.write(
                f"Set a password (link works once): {people.invite(user, by=COMMAND_LINE)}"
            )
