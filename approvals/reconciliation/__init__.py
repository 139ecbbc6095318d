"""Asks Step Functions what became of a token or an execution, and calls the verbs that follow from it.

A history proves what it holds; what is missing from it proves nothing, because AWS promises no
consistency. An ended execution has no open token: that, too, is a proof.
"""

from __future__ import annotations

from approvals.reconciliation.evidence import Evidence, Fate, ask
from approvals.reconciliation.execution_history import read, read_asked
from approvals.reconciliation.executions import inquire, probe

__all__ = ["Evidence", "Fate", "ask", "inquire", "probe", "read", "read_asked"]
