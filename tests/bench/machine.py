"""What processes have used of the machine: CPU time of process trees, memory, and the others' share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
_WITH_CHILDREN, _PARENT = slice(11, 15), 1  # in /proc/PID/stat, after the name


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat after the name, by process id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # it has ended meanwhile
            continue
        found[int(path.parent.name)] = text.rpartition(")")[2].split()
    return found


def tree(root: int, stats: dict[int, list[str]] | None = None) -> list[int]:
    """A process and all that descend from it."""
    stats = stats or _stats()
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
    found, left = [], [root] if root in stats else []
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds of process trees, with those of their members that have ended and were waited for."""
    stats = _stats()
    members = {pid for root in roots for pid in tree(root, stats)}
    return sum(sum(map(int, stats[pid][_WITH_CHILDREN])) for pid in members) * TICK


def pss_mb(root: int) -> float:
    """Memory of a process tree in MB (10**6 bytes), shared pages divided among those who share them."""
    total = 0
    for pid in tree(root):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        total += int(match[1]) if match else 0
    return total * 1024 / 1e6


@dataclass(frozen=True)
class Moment:
    """The CPU seconds used so far: by the whole machine, of its capacity, and by this process's tree."""

    busy: float
    capacity: float
    ours: float

    @classmethod
    def now(cls) -> Moment:
        """As of now, from the first line of /proc/stat."""
        line = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        values = [int(value) * TICK for value in line[:8]]
        idle = values[3] + values[4]
        return cls(sum(values) - idle, sum(values), cpu_seconds([os.getpid()]))

    def others_share(self) -> float:
        """The share of the machine, from 0 to 1, that other processes than ours have used since then."""
        now = Moment.now()
        others = (now.busy - self.busy) - (now.ours - self.ours)
        return max(0.0, others / max(TICK, now.capacity - self.capacity))
