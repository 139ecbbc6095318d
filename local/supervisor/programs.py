"""The processes that the demo starts: their commands, and how each of them is stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One process. It has `grace` seconds to end, and gets `death_signal` if the demo is killed.

    `needs_web`: it is started once the web process is ready.
    """

    name: str
    command: Sequence[str]
    grace: float = 10.0
    death_signal: int = signal.SIGKILL
    needs_web: bool = False


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


# In the order of their start. They stop in the opposite order: new orders first, web pages last.
PROGRAMS: Sequence[Program] = (
    # SIGTERM: the master stops its workers; they also end when it is gone.
    Program("web", _python("-m", "config.web"), grace=15.0, death_signal=signal.SIGTERM),
    Program(
        "worker",
        _python(
            *["-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "2", "-l", "WARNING"]
        ),
    ),
    Program("sweeper", _python("manage.py", "sweep")),
    Program("poller", _python("manage.py", "poll_queue")),
    Program("traffic", _python("-m", "local.order_traffic"), grace=3.0, needs_web=True),
)
