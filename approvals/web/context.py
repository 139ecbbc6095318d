"""What every page's frame needs: the queues of whoever has signed in, asked only when shown, and
whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals import policy


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues; nothing is asked where a template does not show them."""
    return {
        "nav_queues": SimpleLazyObject(lambda: list(policy.visible_queues(request.user)[:8])),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
