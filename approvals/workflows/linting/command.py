"""The command `lint_workflow`: its arguments, its report and its exit code, for manage.py and for pre-commit."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any

from approvals.untrusted.display import visible
from approvals.workflows.asl.model import Definition
from approvals.workflows.asl.parser import read_definitions
from approvals.workflows.linting.linter import lint, unjudged
from approvals.workflows.linting.rule import Finding, QueueSettings

MAX_COUNT = 10**15  # the largest number that an option takes
EXIT_FINDING = 3  # the exit code of a finding, as in every command of the service
HELP = (
    "Check the Step Functions workflow in DEFINITION (Amazon States Language in JSON or YAML, or a template"
    " of CloudFormation or SAM with it) for errors."
    " Exit code 3 where there is a finding. Needs no database and no settings."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add DEFINITION, the settings of the review queue, --express and --json to the parser."""
    defaults = QueueSettings()
    parser.add_argument(
        "definition",
        metavar="DEFINITION",
        nargs="+",
        help="a file, or several; TEMPLATE#NAME is one workflow of a template",
    )
    parser.add_argument(
        "--retention-seconds",
        type=positive,
        metavar="N",
        default=defaults.retention_seconds,
        help="how long the review queue keeps a message (SQS's default: 345600)",
    )
    parser.add_argument(
        "--undo-seconds",
        type=natural,
        metavar="N",
        default=defaults.undo_seconds,
        help="how long a decision in the queue can be undone (default: 10)",
    )
    parser.add_argument(
        "--error-name",
        metavar="NAME",
        default=defaults.error_name,
        help="the error with which the queue rejects (default: ReviewRejected)",
    )
    parser.add_argument(
        "--express", action="store_true", help="the workflow itself is to be EXPRESS"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(options: Mapping[str, Any]) -> tuple[str, int]:
    """Lint each definition; returns the report and the exit code. Raises UnreadableDefinition."""
    queue = QueueSettings(
        options["undo_seconds"], options["retention_seconds"], options["error_name"]
    )
    checked = []
    for path in options["definition"]:
        for definition in read_definitions(path):
            definition.express = definition.express or options["express"]
            checked.append((definition, lint(definition, queue)))
    if options["json"]:
        report = json.dumps(_as_json(checked), indent=2)
    else:
        report = "\n".join(line for result in checked for line in _lines(*result))
    return report, EXIT_FINDING if any(findings for _, findings in checked) else 0


def _as_json(checked: list[tuple[Definition, list[Finding]]]) -> dict[str, Any]:
    return {
        "findings": [
            {
                "definition": definition.name,
                "rule": finding.rule.id,
                "title": finding.rule.title,
                "textbook_bugs": finding.rule.bugs,
                "pointer": finding.violation.pointer,
                "reason": finding.violation.reason,
                "fix": finding.violation.fix,
            }
            for definition, findings in checked
            for finding in findings
        ],
        "definitions": [
            {
                "definition": definition.name,
                "states": len(definition.states),
                "findings": len(findings),
                "unseen": unjudged(definition),
            }
            for definition, findings in checked
        ],
    }


def _lines(definition: Definition, findings: list[Finding]) -> Iterator[str]:
    """The report on one definition, as text."""
    for finding in findings:
        place = visible(finding.violation.pointer) or "the whole"
        yield f"{definition.name}: {place}: {finding.rule.id}"
        yield f"    {visible(finding.violation.reason)}"
        yield f"    {visible(finding.violation.fix)}"
    for note in unjudged(definition):
        yield f"{definition.name}: note: {visible(note)}"
    count = len(findings)
    total = "no finding" if not count else f"{count} finding{'s' if count > 1 else ''}"
    yield f"{definition.name}: {len(definition.states)} states, {total}"


def natural(text: str) -> int:
    """A whole number from 0 to MAX_COUNT; raises ValueError, which argparse reports as wrong usage."""
    number = int(text)
    if not 0 <= number <= MAX_COUNT:
        raise ValueError(text)
    return number


def positive(text: str) -> int:
    """A whole number from 1 to MAX_COUNT; raises ValueError as `natural` does."""
    number = natural(text)
    if number == 0:
        raise ValueError(text)
    return number
