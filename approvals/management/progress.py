"""A progress bar on standard error: redrawn in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import time
from typing import TextIO

WIDTH = 28
REDRAWN_EVERY, SAID_EVERY = 0.2, 5.0  # seconds


class Bar:
    """Shows how far something is; `show` may be called as often as one likes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = stream.isatty()
        self._next, self._last = 0.0, ""

    def show(self, share: float, said: str, *, at_end: bool = False) -> None:
        """Show a share between 0 and 1, and in words what it is made of."""
        now = time.monotonic()
        if now < self._next and not at_end:
            return
        self._next = now + (REDRAWN_EVERY if self._drawn else SAID_EVERY)
        share = min(1.0, max(0.0, share))
        text = f"{share:4.0%}  {said}"
        if self._drawn:
            done = round(share * WIDTH)
            bar = "█" * done + "░" * (WIDTH - done)
            self._stream.write(f"\r\x1b[K{bar} {text}" + ("\n" if at_end else ""))
        elif text != self._last:
            self._stream.write(f"{text}\n")
        self._last = text
        self._stream.flush()
