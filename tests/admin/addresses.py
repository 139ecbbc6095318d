"""The addresses of the admin site: its lists, a row of each model, and the pages that call verbs."""

from __future__ import annotations

from django.urls import reverse

from approvals.models import (
    AuditEvent,
    User,
    WebhookSecret,
)
from tests.admin.rows import Rows

LISTS = (
    "reviewtask", "quarantinedmessage", "outboxentry", "orderexecution", "reviewqueue",
    "queuemembership", "user", "apitoken", "webhooksecret", "auditevent",
)  # fmt: skip
MEMBERS = {"reviewtask"}
OPERATORS = (
    "reviewqueue_new", "queuemembership_new", "user_new", "apitoken_new", "webhooksecret_new",
)  # fmt: skip


def at(name: str, *args: object) -> str:
    """An address of the admin site: `at("reviewqueue_change", queue.pk)`."""
    return reverse(f"admin:approvals_{name}", args=args)


def pages_of(rows: Rows, alice: User) -> dict[str, str]:
    """The page of a row, by its model."""
    member = alice.memberships.get()
    secret = WebhookSecret.objects.get()
    return {
        "reviewtask": at("reviewtask_change", rows.review.pk),
        "quarantinedmessage": at("quarantinedmessage_change", rows.message.pk),
        "outboxentry": at("outboxentry_change", rows.entry.pk),
        "orderexecution": at("orderexecution_change", rows.order.pk),
        "reviewqueue": at("reviewqueue_change", rows.queue.pk),
        "queuemembership": at("queuemembership_change", member.pk),
        "user": at("user_change", alice.pk),
        "webhooksecret": at("webhooksecret_change", secret.pk),
        "auditevent": at("auditevent_change", AuditEvent.objects.first().pk),
    }


def action_urls_of(rows: Rows, alice: User) -> list[str]:
    """The URL of every page that calls a verb for operators."""
    member, secret = alice.memberships.get(), WebhookSecret.objects.get()
    return [
        *(at(name) for name in OPERATORS),
        *(at(f"reviewqueue_{name}", rows.queue.pk) for name in ("edit", "switch", "check")),
        *(at(f"queuemembership_{name}", member.pk) for name in ("role", "revoke")),
        *(
            at(f"user_{name}", alice.pk)
            for name in ("deactivate", "reactivate", "grant", "revoke", "invite")
        ),
        at("apitoken_revoke", alice.pk) + "?name=nightly",
        at("webhooksecret_revoke", secret.pk),
        at("outboxentry_requeue", rows.entry.pk),
        f"{at('outboxentry_requeue_many')}?id={rows.entry.pk}",
        *(f"{at(f'quarantinedmessage_{d}')}?id={rows.message.pk}" for d in ("replay", "discard")),
    ]
