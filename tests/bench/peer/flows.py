"""The peer's workflow: it starts, a person decides, it ends."""

from __future__ import annotations

from typing import Any

from django.views.generic import View
from viewflow import this
from viewflow.workflow import flow, lock
from viewflow.workflow.models import Process


class ApprovalFlow(flow.Flow):  # type: ignore[misc]
    """Start, decide, end."""

    process_class = Process
    lock_impl = lock.select_for_update_lock

    start = flow.StartHandle(this.begin).Next(this.decide)
    decide = flow.View(View.as_view()).Permission("viewflow.decide_process").Next(this.end)
    end = flow.End()

    def begin(self, activation: Any, data: dict[str, Any]) -> Any:
        """Store what is to be decided."""
        activation.process.data = data
        return activation.process
