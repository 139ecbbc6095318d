"""`gunicorn -c config/gunicorn.py`, the command of earlier releases: starts `python -m config.web`.

Deprecated: the next release has no gunicorn any more. Address and processes are gunicorn's, so that its
options (`--bind`, `--workers`) go on working.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from config import web_server_settings

bind = f"{web_server_settings.HOST}:{web_server_settings.PORT}"
workers = web_server_settings.WORKERS
wsgi_app = "config.wsgi"
worker_class = "gthread"
threads = web_server_settings.THREADS
control_socket_disable = True  # its default lies in HOME and collides with a second gunicorn
accesslog = None  # django-structlog logs each request, with its id
logger_class = "config.logging.GunicornLogger"


def on_starting(arbiter: Any) -> None:
    """Replace gunicorn by the new server, in the same process, before it listens."""
    arbiter.log.warning("gunicorn -c config/gunicorn.py is deprecated: use python -m config.web")
    host, _, port = arbiter.cfg.bind[0].rpartition(":")
    os.environ.update(  # noqa: TID251
        HOST=host.strip("[]"), PORT=port, WEB_CONCURRENCY=str(arbiter.cfg.workers)
    )
    os.execv(sys.executable, [sys.executable, "-m", "config.web"])  # noqa: S606
