"""`python -m local.aws`: serves the account until it is told to stop or its parent dies.

The first and only line on standard output is the endpoint, written once it answers.
"""

from __future__ import annotations

import argparse
import os
import sys

from local.aws import server
from local.processes import LocalError, die_with


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--parent", type=int, help="the process to die with; default: the starter")
    arguments = parser.parse_args()
    die_with(arguments.parent or os.getppid())
    try:
        server.serve(arguments.host, arguments.port)
    except LocalError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
