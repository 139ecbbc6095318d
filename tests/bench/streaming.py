"""The service with event streams beside it: whether one worker can hold hundreds that are idle.

A prototype for tests/bench/web_servers.py: `GET /events` in the event loop, everything else as served.
"""

from __future__ import annotations

import asyncio
from typing import Any

from config import rsgi
from config.bodies import Scope

HEARTBEAT = 15  # seconds; granian notices a client that has gone when it is written to


class Streaming(rsgi.Application):
    """Also answers /events."""

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Keep a stream open until its client goes, or answer a request."""
        if scope.path != "/events":
            await super().__rsgi__(scope, protocol)
            return
        transport = protocol.response_stream(200, [("content-type", "text/event-stream")])
        gone = asyncio.ensure_future(protocol.client_disconnect())
        try:
            while not gone.done():
                await transport.send_str(": nothing new\n\n")
                await asyncio.wait([gone], timeout=HEARTBEAT)
        except RuntimeError:  # granian's RSGIProtocolClosed
            pass
        finally:
            gone.cancel()


application = Streaming()
