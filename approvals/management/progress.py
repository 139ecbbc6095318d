"""A progress bar: redrawn in a terminal, a plain line every few seconds anywhere else."""

from __future__ import annotations

import time
from typing import TextIO

WIDTH = 28
REDRAW_SECONDS, LINE_SECONDS = 0.2, 5.0


class Bar:
    """Shows progress on one stream. `show` may be called often: it writes only now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = stream.isatty()
        self._next, self._last = 0.0, ""

    def show(self, share: float, summary: str, *, at_end: bool = False) -> None:
        """Show a share from 0 to 1 and a text about it; `at_end` shows it in any case."""
        now = time.monotonic()
        if now < self._next and not at_end:
            return
        self._next = now + (REDRAW_SECONDS if self._drawn else LINE_SECONDS)
        share = min(1.0, max(0.0, share))
        text = f"{share:4.0%}  {summary}"
        if self._drawn:
            done = round(share * WIDTH)
            bar = "█" * done + "░" * (WIDTH - done)
            self._stream.write(f"\r\x1b[K{bar} {text}" + ("\n" if at_end else ""))
        elif text != self._last:
            self._stream.write(f"{text}\n")
        self._last = text
        self._stream.flush()
