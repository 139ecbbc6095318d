"""The context of every page: queues, permissions and outages of the user, and whether mail is sent."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from approvals.policy import Action
from approvals.web.access import access_of
from approvals.web.outages import outages
from approvals.web.streams import onward, query_of

THEMES = {"light": "paper", "dark": "night"}  # as the style sheet calls them


def frame(request: HttpRequest) -> dict[str, Any]:
    """The header's queues and links, and the outages; a query runs only when a template shows its result."""
    access: Any = SimpleLazyObject(
        lambda: access_of(request)
    )  # before sign-in there may be no user
    return {
        "nav_queues": SimpleLazyObject(lambda: access.queues[:8]),
        "leads": SimpleLazyObject(lambda: access.led_queues),
        "inspects": SimpleLazyObject(lambda: access.may(Action.INSPECT).allowed),
        "may_price": SimpleLazyObject(lambda: access.may(Action.PRICE).allowed),
        "sees_orders": SimpleLazyObject(lambda: access.may(Action.SEE_ORDERS).allowed),
        "outages": SimpleLazyObject(lambda: outages(access)),
        "onward": onward(request),
        "stream_filter": query_of(request) or "",
        "shortcuts": SimpleLazyObject(lambda: access.preferences.shortcuts),
        "theme": SimpleLazyObject(lambda: THEMES.get(access.preferences.theme, "")),
        "density": SimpleLazyObject(lambda: access.preferences.density),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
