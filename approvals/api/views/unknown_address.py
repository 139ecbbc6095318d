"""The response to all addresses under /api/ without an endpoint."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from approvals.exceptions import NotFound


class UnknownAddress(APIView):
    """Responds to every method with a 404 problem document."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise NotFound for every method, before anything else is checked."""
        advice = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(f"There is nothing at this address.{advice}")
