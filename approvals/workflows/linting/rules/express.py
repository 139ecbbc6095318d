"""Rules on what an EXPRESS workflow, or an EXPRESS child of a distributed Map, cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.workflows.asl.model import Definition
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation
from approvals.workflows.linting.rules.timeouts import literal_seconds

MAX_SECONDS = 300  # AWS ends an EXPRESS execution after five minutes
# An EXPRESS workflow has no run-a-job (.sync), no callback, no activity and no distributed Map
# (developer guide, Choosing workflow type).
_STANDARD_ONLY = (".waitForTaskToken", ".sync", ".sync:2")


def waits_in_express(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the states of EXPRESS machines that only a STANDARD workflow can run."""
    for state in definition.states:
        if not state.machine.express:
            continue
        activity = ":activity:" in state.resource
        if state.resource.endswith(_STANDARD_ONLY) or activity or state.is_distributed:
            what = "A distributed Map" if state.is_distributed else state.resource
            yield Violation(
                state.pointer,
                f"{what} needs a STANDARD workflow; this state runs in an EXPRESS one.",
                "Make the workflow (or the Map's children) STANDARD, or start an execution of a"
                " STANDARD one from here with states:startExecution.",
            )


def longer_than_express(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the timeouts and waits of EXPRESS machines that are longer than MAX_SECONDS."""
    for machine in definition.machines:
        if not machine.express:
            continue
        places = [(machine.pointer + "/TimeoutSeconds", machine.body.get("TimeoutSeconds"))]
        places += [
            (f"{state.pointer}/{key}", state.body.get(key))
            for state in machine.states.values()
            for key in ("TimeoutSeconds", "Seconds")
        ]
        for place, value in places:
            seconds = literal_seconds(value)
            if seconds is not None and seconds > MAX_SECONDS:
                yield Violation(
                    place,
                    f"{seconds} s, but AWS ends an EXPRESS workflow after {MAX_SECONDS} s.",
                    "Wait less, or make the workflow STANDARD.",
                )


RULES = (
    Rule("express-cannot-wait", "What waits is STANDARD", waits_in_express),
    Rule("express-too-long", "EXPRESS ends in five minutes", longer_than_express),
)
