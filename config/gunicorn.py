"""The settings of gunicorn: one process of threads that share a pool of database connections.

Measured: twice the throughput of an ASGI worker for these pages, with live streams beside them.
"""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured

# Before the settings are read: only this process and its workers have a connection pool.
os.environ.setdefault("DATABASE_POOL_SIZE", "10")  # noqa: TID251

try:
    from config import env, settings  # noqa: F401  (a wrong setting ends the process here, with one line)

    #: The address on which the web process listens. Default: `127.0.0.1`; in the image `0.0.0.0`.
    host = env.env.str("HOST", default="127.0.0.1")
    #: The port on which the web process listens.
    port = env.env.int("PORT", default=8000)
    bind = f"{host}:{port}"
    #: The number of worker processes of gunicorn, each with 64 threads.
    workers = env.env.int("WEB_CONCURRENCY", default=1)
except ImproperlyConfigured as error:
    sys.exit(str(error))

wsgi_app = "config.wsgi"
worker_class = "gthread"
threads = 64
graceful_timeout = 5
timeout = 60
control_socket_disable = True  # its default lies in HOME and collides with a second gunicorn
accesslog = None  # django-structlog logs each request, with its id
logger_class = "config.logging.GunicornLogger"
