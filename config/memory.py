"""The memory of long-running processes: large requests give back what they took, and collections are fewer.

glibc keeps a heap for each few threads, eight for each core, and what 64 threads have freed stays with the
process: bodies of a megabyte let a web process grow from 160 to 340 MiB. Two heaps hold no more than is in
use, and blocks of 128 KiB and more go back to the kernel at once
(https://man7.org/linux/man-pages/man3/mallopt.3.html).
"""

from __future__ import annotations

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_LARGE = 128 * 1024  # bytes: glibc's own first value, which it raises up to 32 MiB unless it is set
_HEAPS = 2
# A garbage collection for each 700 new lists and objects, Python's default, takes a third of the time of reading
# a message of many values. After 20,000 it takes a twentieth.
_COLLECT_AFTER = (20_000, 20, 50)


def tune() -> None:
    """Set the limits for this process and those that it will fork. Before threads are started."""
    gc.collect()
    gc.freeze()  # what is imported stays: no collection looks through it, and forked processes share it
    gc.set_threshold(*_COLLECT_AFTER)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library, which has its own ways
        return
    mallopt(_M_ARENA_MAX, _HEAPS)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _LARGE)
