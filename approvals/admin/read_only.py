"""Nobody edits a row on the admin site: its pages show rows, and every change is a button that calls a verb."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """A ModelAdmin's answers to Django: nothing is added, changed or deleted by its stock pages."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never the stock way."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never the stock way."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: rows with a history are not deleted."""
        return False
