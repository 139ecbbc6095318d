"""What every page's frame needs: the queues of whoever has signed in, asked only when shown, and
whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import policy
from approvals.models import User
from approvals.models.decisions import Surface

SURFACE = Surface.WEB


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues and its way to the admin site; nothing is asked that no template shows."""

    def inspects() -> bool:
        user = request.user
        return isinstance(user, User) and policy.may(policy.INSPECT, None, user, SURFACE).allowed

    return {
        "nav_queues": SimpleLazyObject(lambda: list(policy.visible_queues(request.user)[:8])),
        "inspects": SimpleLazyObject(inspects),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
