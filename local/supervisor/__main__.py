"""`python -m local.supervisor`, which `manage.py demo` runs: the demo, without Django's settings."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from local.supervisor.demo import run

if __name__ == "__main__":
    ArgumentParser(
        prog="manage.py demo",
        description="Run the whole service on this machine, with orders arriving. PORT=8001 moves it.",
    ).parse_args()
    sys.exit(run())
