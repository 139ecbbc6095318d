"""The product's processes as the demo starts them: the command, the time to end, the way to die."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One child of the demo. `death_signal` is what it gets when the demo itself is killed."""

    name: str
    command: Sequence[str]
    grace: float = 10.0
    death_signal: int = signal.SIGKILL
    needs_web: bool = False


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


# In the order they start; they stop in the opposite one: first nothing new comes in, the page last.
PROGRAMS: Sequence[Program] = (
    # SIGQUIT lets the master take its workers along; they also leave when it is gone.
    Program(
        "web",
        _python("-m", "gunicorn", "-c", "config/gunicorn.py"),
        death_signal=signal.SIGQUIT,
    ),
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
