"""Ends connections whose client reads nothing: its unread response would be held in memory for ever.

granian has no deadline for sending. The kernel has one, TCP_USER_TIMEOUT (RFC 5482, tcp(7)), which a
connection has from the socket that accepted it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from config import web_server_settings


def set_deadline() -> int:
    """Give the connections of this process their deadline. Returns how many listening sockets were found.

    granian makes its socket in each worker process and does not show it, so it is found by its port.
    Linux alone has the option.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return 0
    return sum(
        map(_set_deadline_of, (int(each.name) for each in list(Path("/proc/self/fd").iterdir())))
    )


def _set_deadline_of(number: int) -> bool:
    with contextlib.suppress(OSError):  # the folder itself, and what others close meanwhile
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return False
        with socket.socket(fileno=os.dup(number)) as found:
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return False
            if found.getsockname()[1:2] != (web_server_settings.PORT,):
                return False
            milliseconds = web_server_settings.READ_SECONDS * 1_000
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            return True
    return False
