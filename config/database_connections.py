"""Connections of a web process's pool, which are asked whether they live only if they may have died unnoticed.

Django lets the pool send an empty statement before each request, so that no request gets a connection that a
restart of PostgreSQL has ended. A server that ends a connection says so: its socket can be read. So one that
has answered a second ago, and has said nothing since, is taken as it is. After a second it is asked, which also
finds what no server could say, such as a broken network.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg

TRUSTED = 1.0  # seconds after an answer


class Connection(psycopg.Connection[Any]):
    """A connection whose empty statements, by which a pool asks whether it lives, are seldom sent."""

    _answered = float("-inf")  # when the last empty statement was answered

    def execute(self, query: Any, *args: Any, **named: Any) -> psycopg.Cursor[Any]:
        """As psycopg's. Raises OperationalError if the connection has ended."""
        if query != "":
            return super().execute(query, *args, **named)
        if time.monotonic() - self._answered < TRUSTED and self._is_quiet():
            return self.cursor()
        cursor = super().execute(query, *args, **named)
        self._answered = time.monotonic()
        return cursor

    def _is_quiet(self) -> bool:
        """Whether the server has neither sent anything nor ended the connection."""
        if self.closed:
            return False
        events = select.poll()
        events.register(self.fileno(), select.POLLIN)
        return not events.poll(0)
