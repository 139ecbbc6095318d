"""Watches every request to AWS for one thing: that no database transaction is open meanwhile (I-13)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from botocore.httpsession import URLLib3Session
from django.db import connection

PLACE = "COUNTERSIGN_FAULTS_CALLS"  # where the processes of a campaign note what they saw
_send = URLLib3Session.send


def begin(notes: Path) -> None:
    """Watch this process and all that it starts; what is seen is noted in this file."""
    notes.write_text("")
    os.environ[PLACE] = str(notes)
    resume()


def resume() -> None:
    """Watch this process if its parent process requested it."""
    if PLACE in os.environ:
        URLLib3Session.send = _watched  # type: ignore[method-assign]


def seen() -> list[str]:
    """The operations that were called inside a transaction."""
    return sorted(set(Path(os.environ[PLACE]).read_text().splitlines()))


def _watched(self: URLLib3Session, request: Any) -> Any:
    if connection.in_atomic_block:
        with Path(os.environ[PLACE]).open("a") as notes:
            target = request.headers.get("X-Amz-Target", request.url)
            notes.write(f"{target.decode() if isinstance(target, bytes) else target}\n")
    return _send(self, request)
