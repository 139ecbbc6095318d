"""The pages of each model, and the URLs of the admin site.

No model of Django or of another package is registered: changes of groups, e-mail addresses and tokens
of knox would bypass the verbs.
"""

from __future__ import annotations

from django.urls import path

from approvals.admin import (
    audit_events,
    credentials,
    memberships,
    outbound,
    people,
    quarantine,
    queues,
    reviews,
)
from approvals.admin.site import site
from approvals.models import (
    ApiToken,
    AuditEvent,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    QueueMembership,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)

PAGES = {
    ReviewTask: reviews.Reviews,
    QuarantinedMessage: quarantine.Quarantine,
    OutboxEntry: outbound.Outbox,
    OrderExecution: outbound.Orders,
    ReviewQueue: queues.Queues,
    QueueMembership: memberships.Memberships,
    User: people.Users,
    ApiToken: credentials.Tokens,
    WebhookSecret: credentials.Secrets,
    AuditEvent: audit_events.Trail,
}
for model, page in PAGES.items():
    site.register(model, page)

urlpatterns = [path("", site.urls)]
