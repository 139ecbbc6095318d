"""The progress bar: drawn in a terminal, written in lines elsewhere."""

from __future__ import annotations

import io

from approvals.management.progress import Bar


def test_a_bar_is_drawn_in_a_terminal_and_said_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        bar = Bar(stream)
        bar.show(0.5, "50 of 100")
        bar.show(0.6, "60 of 100")  # too soon
        bar.show(1.0, "100 of 100", at_end=True)

    assert "█" * 14 + "░" * 14 + "  50%  50 of 100" in terminal.getvalue()
    assert terminal.getvalue().endswith("100%  100 of 100\n")
    assert pipe.getvalue() == " 50%  50 of 100\n100%  100 of 100\n"
