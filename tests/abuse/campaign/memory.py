"""The memory of processes: their peaks as the kernel counts them, and limits that it enforces.

The peak of a process is VmHWM of /proc/PID/status, its largest resident set: it counts shared pages whole,
so that it is never less than what a container is charged for the process. Pss divides them.
"""

from __future__ import annotations

import contextlib
import re
import resource
import threading
from pathlib import Path
from types import TracebackType

from tests.bench import machine

EVERY = 0.5  # seconds
MIB = 2**20
# Address space that RLIMIT_DATA counts and that is hardly used: 64 threads' stacks of 8 MiB, and buffers of JSON
# that are made for eight times what they will hold. So the limit ends what runs away, and the peaks are judged.
RESERVED = 1_280 * MIB


class Memory:
    """Watches process trees by name; `limits` are their roots and the MiB of each of their processes."""

    def __init__(self, limits: dict[str, tuple[int, int]]) -> None:
        self.limits = limits
        self.peaks: dict[str, float] = {}
        self.pss: dict[str, float] = {}
        self.ended: list[str] = []
        self._seen: dict[int, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def enforce(self) -> None:
        """Let every process that runs now have no more private memory than its limit allows."""
        for name, (root, most) in self.limits.items():
            for pid in machine.tree(root):
                has, resident = _kb(pid, "VmData"), _kb(pid, "VmRSS")
                if has and resident:
                    room = max(0, most * MIB - resident * 1024) + RESERVED
                    with contextlib.suppress(ProcessLookupError):
                        ceiling = has * 1024 + room
                        resource.prlimit(pid, resource.RLIMIT_DATA, (ceiling, ceiling))
                    self._seen[pid] = name

    def over(self) -> list[str]:
        """Processes that have passed their limit, as sentences."""
        self._look()
        return [
            f"{name} has reached {self.peaks[name]:.0f} MiB of {most}"
            for name, (_, most) in self.limits.items()
            if self.peaks.get(name, 0) > most
        ]

    def replaced(self) -> list[str]:
        """Processes that ran when the limits were set, and have ended since then."""
        return [
            f"a process of {name} has ended"
            for pid, name in self._seen.items()
            if not _kb(pid, "VmHWM")
        ]

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self) -> None:
        for name, (root, _) in self.limits.items():
            for pid in machine.tree(root):
                self.peaks[name] = max(self.peaks.get(name, 0), _kb(pid, "VmHWM") / 1024)
                self.pss[name] = max(self.pss.get(name, 0), _pss_kb(pid) / 1024)


def _kb(pid: int, name: str) -> int:
    return _found(Path(f"/proc/{pid}/status"), name)


def _pss_kb(pid: int) -> int:
    return _found(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _found(path: Path, name: str) -> int:
    """A figure of a file in /proc; 0 where the process has ended."""
    try:
        match = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
