"""Puts every rule to a definition."""

from __future__ import annotations

from approvals.workflows.asl.states import Definition
from approvals.workflows.linting import flow, language, reviews, sizes, tasks, waiting
from approvals.workflows.linting.rules import Finding, Limits, Rule

RULES: tuple[Rule, ...] = (
    *reviews.RULES,
    *waiting.RULES,
    *flow.RULES,
    *tasks.RULES,
    *sizes.RULES,
    *language.RULES,
)


def lint(definition: Definition, limits: Limits | None = None) -> list[Finding]:
    """What is wrong with this definition, rule by rule, in the order of the document within a rule."""
    known = limits or Limits()
    return [Finding(rule, found) for rule in RULES for found in rule.check(definition, known)]


def unseen(definition: Definition) -> list[str]:
    """What no rule could judge here, a sentence each: a definition without findings may still have these."""
    told = []
    if names := [state.name for state in definition.states if state.jsonata]:
        told.append(
            f"{len(names)} of {len(definition.states)} states speak JSONata"
            f" ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}): rules of JSONPath fields"
            " (ResultPath and what a path reads) do not apply to them and were skipped."
        )
    told += [
        f"{state.name}: TimeoutSeconds is known only when it runs, and was not compared with the undo"
        " and the retention."
        for state in definition.states
        if state.is_review
        and (
            isinstance(state.body.get("TimeoutSeconds"), str) or "TimeoutSecondsPath" in state.body
        )
    ]
    return told
