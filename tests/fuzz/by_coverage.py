"""The process that fuzzes one target: `python -m tests.fuzz.by_coverage TARGET SECONDS`, which libFuzzer ends.

Needs atheris, which has wheels for Linux on x86-64; `tests.fuzz` sets the environment.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import atheris
import django

from tests.paths import ROOT

INSTRUMENTED = [
    "approvals.messages", "approvals.untrusted", "approvals.orchestration", "approvals.workflows",
]  # fmt: skip
LONGEST = 4_096  # bytes of an input
MOST_MEMORY = 2**31  # bytes; more is a MemoryError, which is a finding
SLOWEST = 10  # seconds that one input may take
FOLDER = ROOT / "var" / "fuzz"

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    django.setup()  # the models import some of them
    from tests.fuzz import readers


def fuzz(name: str, seconds: int) -> None:
    """Fuzz a target so long; the process ends with it, by an exit code above 0 if something broke."""
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(readers.seeds(name)):
        Path(corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SLOWEST}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={FOLDER}/{name}-",
        "-rss_limit_mb=0",  # it would count the peak of the process that has started this one
    ]
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    atheris.Setup([sys.argv[0], *options, str(corpus)], readers.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]))
