"""What /proc says about processes that a test started."""

from __future__ import annotations

from pathlib import Path

from tests.conditions import wait_until


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_death(pid: int) -> None:
    """Wait until the process has ended."""
    wait_until(lambda: not is_alive(pid), what=f"the end of process {pid}")


def described(pid: int) -> str:
    """Command line and environment of a living process; empty for any other."""
    try:
        parts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        return ""
    return b"\0".join(parts).decode(errors="replace").replace("\0", " ")
