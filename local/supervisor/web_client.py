"""What the supervisor asks the demo's web process over HTTP."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from local.supervisor.demo_data import QUEUE

# Without the proxy that the shell may name: the web process is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_ready(url: str) -> bool:
    """Whether the service at `url` answers 200 to /healthz/ready."""
    try:
        with _opener.open(f"{url}/healthz/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def first_review(url: str, token: str) -> str | None:
    """Return the id of an open review, or None if there is none or it cannot be read."""
    request = urllib.request.Request(  # noqa: S310 - the demo's own address
        f"{url}/api/v1/reviews/?queue={QUEUE}&page_size=1",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    try:
        with _opener.open(request, timeout=5) as response:
            results: list[dict[str, Any]] = json.load(response)["results"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(results[0]["id"]) if results else None
