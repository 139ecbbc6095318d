"""The fake as a process: prints its endpoint as one line, then serves until it is killed."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests.fake_aws import FakeAws


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="the JSONL file of the truth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--region", default="eu-west-1", help="of queues and machines made by verbs"
    )
    parser.add_argument("--no-fsync", action="store_true", help="for benches")
    asked = parser.parse_args()
    # Blocked before the threads start, so that only this one gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    aws = FakeAws(
        asked.log, seed=asked.seed, fsync=not asked.no_fsync, region=asked.region, port=asked.port
    )
    with aws:
        sys.stdout.write(f"{aws.endpoint}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


main()
