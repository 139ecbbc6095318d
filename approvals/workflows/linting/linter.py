"""Runs every rule on a definition."""

from __future__ import annotations

from approvals.workflows.asl.model import Definition, State
from approvals.workflows.linting.rule import Finding, QueueSettings, Rule
from approvals.workflows.linting.rules import (
    callback_tokens,
    control_flow,
    express,
    language,
    quotas,
    reviews,
    task_states,
    timeouts,
)

# In the order of the report.
RULES: tuple[Rule, ...] = (
    *reviews.RULES,
    *callback_tokens.RULES,
    *timeouts.STATE_RULES,
    *express.RULES,
    *timeouts.WORKFLOW_RULES,
    *control_flow.RULES,
    *task_states.RULES,
    *quotas.RULES,
    *language.RULES,
)


def lint(definition: Definition, queue: QueueSettings | None = None) -> list[Finding]:
    """The findings of every rule, in the order of RULES, for one rule in the order of the document."""
    settings = queue or QueueSettings()
    return [
        Finding(rule, violation) for rule in RULES for violation in rule.check(definition, settings)
    ]


def unjudged(definition: Definition) -> list[str]:
    """What no rule could judge in this definition, a sentence each."""
    notes = []
    if names := [state.name for state in definition.states if state.jsonata]:
        notes.append(
            f"{len(names)} of {len(definition.states)} states speak JSONata"
            f" ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}): rules of JSONPath fields"
            " (ResultPath and what a path reads) do not apply to them and were skipped."
        )
    notes += [
        f"{state.name}: TimeoutSeconds is known only when it runs, and was not compared with the undo"
        " and the retention."
        for state in definition.states
        if state.is_review and _has_computed_timeout(state)
    ]
    return notes


def _has_computed_timeout(state: State) -> bool:
    return isinstance(state.body.get("TimeoutSeconds"), str) or "TimeoutSecondsPath" in state.body
