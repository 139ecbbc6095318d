"""The memory of long-running processes: threads share few heaps, and what is freed goes back to the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.paths import ROOT

SCRIPT = """
import ctypes, gc, sys, threading
from pathlib import Path
from config import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

if sys.argv[1] == "tuned":
    memory.tune()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
barrier = threading.Barrier(16)

def work():
    barrier.wait()
    for _ in range(20):  # bodies of a megabyte, and what is made of them
        large = [bytes(size) for size in (2**20, 300_000, 90_000, 20_000)]
        barrier.wait()
        del large
        libc.free(libc.malloc(1_000))

threads = [threading.Thread(target=work) for _ in range(16)]
before = resident()
for thread in threads: thread.start()
for thread in threads: thread.join()
print("MiB", resident() - before, "collect", *gc.get_threshold(), flush=True)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def heaps_and_mebibytes(how: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.count("<heap nr="), int(done.stdout.split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps")
def test_threads_of_a_tuned_process_share_two_heaps_and_keep_nothing_of_what_they_freed() -> None:
    heaps, kept = heaps_and_mebibytes("tuned")
    more_heaps, more_kept = heaps_and_mebibytes("as it is")

    assert heaps <= 2 < more_heaps
    assert kept < more_kept / 3
