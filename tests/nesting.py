"""Whether a function begins a transaction of its own: if so, it refuses to run inside another one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from django.db import transaction


def runs_inside_another_transaction(function: Callable[..., Any]) -> bool:
    """Whether a function gets past its decorator in an open transaction; it is called without useful arguments."""
    parameters = inspect.signature(function).parameters.values()
    needed = {each.name: None for each in parameters if each.default is inspect.Parameter.empty}
    try:
        with transaction.atomic():
            function(**needed)
    except RuntimeError as refusal:
        return "durable" not in str(refusal)
    except Exception:  # noqa: BLE001  (it ran, and could not use its arguments)
        return True
    return True
