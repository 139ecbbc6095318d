"""Requests that are under way for as long as a test wants."""

from __future__ import annotations

import threading
from typing import Any

MOST = 2  # of one client at a time
ONE, OTHER = ("authorization", "Bearer one"), ("authorization", "Bearer other")


class Running:
    """A Django whose requests last until they are told to end; it knows which are under way."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.environs: list[dict[str, Any]] = []
        self.may_end = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.under_way.append(environ["PATH_INFO"])
        self.environs.append(environ)
        self.may_end.wait(30)
        start_response("200 OK", [])
        return [b""]
