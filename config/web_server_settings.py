"""What the web process reads from the environment before Django starts: address, processes, deadlines."""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured


def seconds(name: str, value: int) -> int:
    """Return the value of a deadline. Raises ImproperlyConfigured if it is not 1 to 60 seconds."""
    if not 1 <= value <= 60:  # granian takes no more
        raise ImproperlyConfigured(f"{name} is a number of seconds from 1 to 60")
    return value


def at_least_one(name: str, value: int) -> int:
    """Return the value. Raises ImproperlyConfigured if it is 0 or less: no request would ever be answered."""
    if value < 1:
        raise ImproperlyConfigured(f"{name} is a number, 1 or more")
    return value


try:
    from config import env, settings

    #: The address on which the web process listens. Default: `127.0.0.1`; in the image `0.0.0.0`.
    HOST: str = env.env.str("HOST", default="127.0.0.1")
    #: The port on which the web process listens.
    PORT: int = env.env.int("PORT", default=8000)
    #: The number of worker processes of the web process, each with 64 threads.
    WORKERS: int = env.env.int("WEB_CONCURRENCY", default=1)
    #: Seconds within which the head of a request must have arrived, 1 to 60. A connection without a
    #: request is closed after as many: a proxy must close it earlier, or it may send one just then.
    HEAD_SECONDS = seconds("WEB_HEAD_SECONDS", env.env.int("WEB_HEAD_SECONDS", default=40))
    #: Seconds within which the body of a request must have arrived, 1 to 60.
    BODY_SECONDS = seconds("WEB_BODY_SECONDS", env.env.int("WEB_BODY_SECONDS", default=20))
    #: The number of requests of one client (a token, a session, else an address) that a worker process
    #: answers at a time. Further ones wait, and not those of others.
    CLIENT_REQUESTS = at_least_one(
        "WEB_CLIENT_REQUESTS", env.env.int("WEB_CLIENT_REQUESTS", default=1)
    )
    PROBE_PORT = settings.PROBE_PORT
except ImproperlyConfigured as error:
    sys.exit(str(error))

THREADS = 64  # of each worker process
GRACE = 10  # seconds for requests that are under way when the process is told to stop
READ_SECONDS = 30  # that a client may read nothing of its response
