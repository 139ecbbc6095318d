"""What every page's frame needs: the queues of whoever has signed in and what is wrong with them, asked
only when shown, and whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import policy
from approvals.models import User
from approvals.models.decisions import Surface
from approvals.web.trouble import troubles

SURFACE = Surface.WEB


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues, its ways to orders and admin, and the troubles; what no template shows is not asked."""

    def may(action: str) -> bool:
        user = request.user
        return isinstance(user, User) and policy.may(action, None, user, SURFACE).allowed

    return {
        "nav_queues": SimpleLazyObject(lambda: list(policy.visible_queues(request.user)[:8])),
        "inspects": SimpleLazyObject(lambda: may(policy.INSPECT)),
        "sees_orders": SimpleLazyObject(lambda: may(policy.SEE_ORDERS)),
        "troubles": SimpleLazyObject(lambda: troubles(request.user)),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
