"""What every page's frame needs: the queues of whoever has signed in and what is wrong with them, asked
only when shown, and whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import policy
from approvals.policy import Action
from approvals.web.decorators import actor_of
from approvals.web.outages import troubles


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues, its ways to other pages, and the troubles; what no template shows is not asked."""
    actions = SimpleLazyObject(lambda: policy.site_actions(actor_of(request)))
    return {
        "nav_queues": SimpleLazyObject(lambda: list(policy.visible_queues(actor_of(request))[:8])),
        "inspects": SimpleLazyObject(lambda: Action.INSPECT in actions),
        "may_price": SimpleLazyObject(lambda: Action.PRICE in actions),
        "sees_orders": SimpleLazyObject(lambda: Action.SEE_ORDERS in actions),
        "troubles": SimpleLazyObject(lambda: troubles(actor_of(request))),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
