"""The texts and documents of the workflow definitions."""

from __future__ import annotations

import json
from typing import Any

from approvals.workflows.installed_definitions import installed_definitions

ORDER_FULFILLMENT = installed_definitions()["order_fulfillment"].read_text()


def states_of(name: str) -> dict[str, Any]:
    """The states of a definition's root machine, by name."""
    found: dict[str, Any] = json.loads(installed_definitions()[name].read_text())["States"]
    return found
