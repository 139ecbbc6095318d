"""`python -m local.aws`: serves the account until SIGTERM, or until its parent dies.

The first and only line on standard output is the endpoint, written once it answers.
"""

from __future__ import annotations

import argparse
import os
import sys

from local.aws import moto_version
from local.aws.account import hide_shell_configuration
from local.processes import LocalError, die_with


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--parent", type=int, help="the process to die with; default: the starter")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    die_with(arguments.parent or os.getppid())
    try:
        moto_version.check()
        hide_shell_configuration()
        from local.aws import server  # imports moto, so only after the two calls above

        server.serve(arguments.host, arguments.port)
    except LocalError as refusal:
        sys.exit(str(refusal))
