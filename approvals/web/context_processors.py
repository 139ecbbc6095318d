"""The context of every page: queues, permissions and outages of the user, and whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import policy
from approvals.policy import Action
from approvals.web.decorators import actor_of
from approvals.web.outages import outages


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues and links, and the outages; a query runs only when a template shows its result."""
    actions = SimpleLazyObject(lambda: policy.site_actions(actor_of(request)))
    return {
        "nav_queues": SimpleLazyObject(lambda: list(policy.visible_queues(actor_of(request))[:8])),
        "inspects": SimpleLazyObject(lambda: Action.INSPECT in actions),
        "may_price": SimpleLazyObject(lambda: Action.PRICE in actions),
        "sees_orders": SimpleLazyObject(lambda: Action.SEE_ORDERS in actions),
        "outages": SimpleLazyObject(lambda: outages(actor_of(request))),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
