"""The command `lint_workflow`: its arguments, its report and its exit code, for manage.py and for pre-commit."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any

from approvals.untrusted.display import visible
from approvals.workflows.asl import parser
from approvals.workflows.asl.states import Definition
from approvals.workflows.linting.linter import lint, unseen
from approvals.workflows.linting.rules import Finding, Limits

MOST = 10**15  # of anything that is counted
FINDING = 3  # the exit code of a finding, as everywhere in the service
HELP = (
    "Say what is wrong with the Step Functions workflow in DEFINITION (Amazon States Language, JSON)."
    " Exit code 3 where anything is. Needs no database and no settings."
)


def arguments(parser: ArgumentParser) -> None:
    """The options of the contract, and what else a queue may have of its own."""
    known = Limits()
    parser.add_argument("definition", metavar="DEFINITION", nargs="+", help="a file, or several")
    parser.add_argument(
        "--retention-seconds",
        type=positive,
        metavar="N",
        default=known.retention_seconds,
        help="how long the review queue keeps a message (SQS's default: 345600)",
    )
    parser.add_argument(
        "--undo-seconds",
        type=natural,
        metavar="N",
        default=known.undo_seconds,
        help="how long a decision in the queue can be undone (default: 10)",
    )
    parser.add_argument(
        "--error-name",
        metavar="NAME",
        default=known.error_name,
        help="the error with which the queue rejects (default: ReviewRejected)",
    )
    parser.add_argument(
        "--express", action="store_true", help="the workflow itself is to be EXPRESS"
    )
    parser.add_argument("--json", action="store_true", help="a report for machines")


def run(options: Mapping[str, Any]) -> tuple[str, int]:
    """Lint each definition: the report and the exit code. Raises reading.Unreadable."""
    limits = Limits(options["undo_seconds"], options["retention_seconds"], options["error_name"])
    checked = []
    for path in options["definition"]:
        definition = parser.read(path)
        definition.express = options["express"]
        checked.append((definition, lint(definition, limits)))
    if options["json"]:
        report = json.dumps(_as_json(checked), indent=2)
    else:
        report = "\n".join(line for one in checked for line in _lines(*one))
    return report, FINDING if any(findings for _, findings in checked) else 0


def _as_json(checked: list[tuple[Definition, list[Finding]]]) -> dict[str, Any]:
    return {
        "findings": [
            {
                "definition": definition.name,
                "rule": one.rule.id,
                "title": one.rule.title,
                "textbook_bugs": one.rule.bugs,
                "pointer": one.found.pointer,
                "reason": one.found.reason,
                "fix": one.found.fix,
            }
            for definition, findings in checked
            for one in findings
        ],
        "definitions": [
            {
                "definition": definition.name,
                "states": len(definition.states),
                "findings": len(findings),
                "unseen": unseen(definition),
            }
            for definition, findings in checked
        ],
    }


def _lines(definition: Definition, findings: list[Finding]) -> Iterator[str]:
    for one in findings:
        yield f"{definition.name}: {visible(one.found.pointer) or 'the whole'}: {one.rule.id}"
        yield f"    {visible(one.found.reason)}"
        yield f"    {visible(one.found.fix)}"
    for note in unseen(definition):
        yield f"{definition.name}: note: {visible(note)}"
    count = len(findings)
    said = "no finding" if not count else f"{count} finding{'s' if count > 1 else ''}"
    yield f"{definition.name}: {len(definition.states)} states, {said}"


def natural(text: str) -> int:
    """A whole number from zero to `MOST`; ValueError is argparse's usage error."""
    number = int(text)
    if not 0 <= number <= MOST:
        raise ValueError(text)
    return number


def positive(text: str) -> int:
    """The same from one; ValueError is argparse's usage error."""
    number = natural(text)
    if number == 0:
        raise ValueError(text)
    return number
