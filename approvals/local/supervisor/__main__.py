"""`python -m approvals.local.supervisor`: the demo without Django's settings in this process."""

from __future__ import annotations

import sys

from approvals.local.supervisor import run

if __name__ == "__main__":
    sys.exit(run())
