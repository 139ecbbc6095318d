"""A database that fails whatever it is asked."""

from __future__ import annotations

from typing import Any

from django.db import connection


def away(fault: type[Exception]) -> Any:
    """A database that fails whatever it is asked."""

    def fail(*_: object) -> None:
        raise fault("the server closed the connection: password=hunter2")

    return connection.execute_wrapper(fail)
