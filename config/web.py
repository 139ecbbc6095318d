"""The web process: `python -m config.web` serves `config.rsgi` with granian until SIGTERM or SIGINT.

granian reads the requests in native code, and ends a connection whose head does not arrive in time.
docs/decisions/0014-web-server.md says why it was chosen.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

# Before the settings are read: only this process and its workers have a connection pool.
os.environ.setdefault("DATABASE_POOL_SIZE", "10")  # noqa: TID251

from config import celery, memory, probes, web_server_settings

# Connections of one worker, slow ones and event streams included: file descriptors, no threads.
CONNECTIONS = 4096
LONGEST_HEAD = 32_768  # bytes
# granian's lines go through the handlers of `config.logging`, so that a log has one format.
LOGGERS = {
    "version": 1,
    "disable_existing_loggers": False,
    "incremental": False,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


class Server(Granian):  # type: ignore[misc, valid-type]
    """granian, whose workers end their event streams before they are stopped: each would wait for its own."""

    def signal_handler_interrupt(self, *args: Any, **named: Any) -> None:
        """Handle SIGTERM and SIGINT in the master."""
        for worker in multiprocessing.active_children():
            if worker.pid:
                os.kill(worker.pid, signal.SIGUSR1)  # config.rsgi.STOPPING
        super().signal_handler_interrupt(*args, **named)


def server() -> Server:
    """granian with the settings of the environment; it has not started."""
    return Server(
        "config.rsgi:application",
        address=web_server_settings.HOST,
        port=web_server_settings.PORT,
        interface=Interfaces.RSGI,
        workers=web_server_settings.WORKERS,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=web_server_settings.HEAD_SECONDS * 1000,
            max_buffer_size=LONGEST_HEAD,
        ),
        log_level=LogLevels.info,
        log_dictconfig=LOGGERS,
        respawn_failed_workers=True,
        workers_kill_timeout=web_server_settings.GRACE,
    )


def load() -> Any:
    """The application, in a worker. Until granian runs it SIGTERM ends the worker.

    The handlers of the master, which a fork inherits, would ignore the signal.
    """
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    return importlib.import_module("config.rsgi").application


def preload() -> None:
    """Import the application, its pages and the client of its broker, so that forked workers share the memory.

    Nothing of it opens a connection or starts a thread.
    """
    for name in ("config.rsgi", "config.urls"):
        importlib.import_module(name)
    with contextlib.suppress(Exception):  # a broker that cannot be used costs wake-ups, no request
        celery.connection_for_write().get_transport_cls()
    memory.tune()


def main() -> None:
    """Serve until the process is told to stop. Exits with one line if an address is in use.

    With `--check-config` it only reads the settings, and exits with one line if one is wrong.
    """
    if "--check-config" in sys.argv[1:]:
        return
    multiprocessing.set_start_method("fork", force=True)  # workers inherit the socket of the probes
    try:
        # granian's workers share the port by SO_REUSEPORT, by which a second service could, too.
        with socket.create_server((web_server_settings.HOST, web_server_settings.PORT)):
            pass
        if web_server_settings.PROBE_PORT:
            probes.listen(web_server_settings.HOST, web_server_settings.PROBE_PORT)
    except OSError as error:
        sys.exit(f"PORT or PROBE_PORT cannot be listened on: {error}")
    counters = shared_counters() if web_server_settings.WORKERS > 1 else None
    try:
        preload()
        server().serve(target_loader=load, wrap_loader=False)
    finally:
        if counters:
            shutil.rmtree(counters, ignore_errors=True)


def shared_counters() -> Path | None:
    """Let the workers keep their counters in files, so that /metrics of any of them shows the sums.

    Returns the folder that was made for it, or None if the environment names one.
    """
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # noqa: TID251  (prometheus_client's own variable)
        return None
    folder = Path(tempfile.mkdtemp(prefix="countersign-metrics-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251
    return folder


if __name__ == "__main__":
    main()
