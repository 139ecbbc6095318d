"""The probes on PROBE_PORT: a thread of each worker process answers them, outside the request pool.

All workers accept from one socket, so that the probe is answered as long as one of them runs. The port
is for load balancers and scrapers inside the network; nothing else is served there.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

PATHS = frozenset({"/healthz/live", "/healthz/ready", "/metrics"})
#: The member of a request's environment that says that it came by PROBE_PORT.
MARK = "countersign.probe_port"
PATIENCE = 5  # seconds until a silent client is hung up on
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_listening: list[socket.socket] = []  # of the master process, inherited by its workers
_running: list[_Server] = []


def listen(host: str, port: int) -> None:
    """Open the port, before the workers are started. Raises OSError."""
    _listening.append(socket.create_server((host, port)))


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, *_: Any) -> None:
        """Django's middleware logs no probe either."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, application: Application) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        host, port = listening.getsockname()[:2]
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(application)


def close() -> None:
    """Stop answering, in this process."""
    while _running:
        server = _running.pop()
        server.shutdown()
        server.server_close()


def serve(application: Application) -> threading.Thread | None:
    """Answer with this WSGI application in a thread of its own; None if there is no PROBE_PORT."""
    if not _listening:
        return None

    def only_probes(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in PATHS:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        return application({**environ, MARK: True}, start_response)

    server = _Server(_listening[0], only_probes)
    server.socket.setblocking(False)  # another worker may have taken the connection
    _running.append(server)
    thread = threading.Thread(target=server.serve_forever, name="probes", daemon=True)
    thread.start()
    return thread
