"""The command `price_workflow`: its arguments and its exit code, for manage.py and without Django."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from approvals.workflows.asl.model import Definition
from approvals.workflows.asl.parser import UnreadableDefinition, read_definition
from approvals.workflows.linting.command import EXIT_FINDING, positive
from approvals.workflows.pricing import price_list
from approvals.workflows.pricing.bill import Volume
from approvals.workflows.pricing.estimate import estimate
from approvals.workflows.pricing.report import as_json, table

HELP = (
    "Estimate what the Step Functions workflow in DEFINITION costs a month, run one way or another."
    " Transitions are counted on the definition. Exit code 3 with --express where it cannot run as EXPRESS."
    " Needs no database and no settings."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add DEFINITION, the volume of a month, and what a definition leaves open."""
    add = parser.add_argument
    add(
        "definition",
        metavar="DEFINITION",
        help="a file in Amazon States Language, or TEMPLATE#NAME",
    )
    add("--per-month", type=positive, metavar="N", required=True, help="orders a month")
    for option, value_type, metavar, text in _VOLUME_OPTIONS:
        default = getattr(_DEFAULTS, option.removeprefix("--").replace("-", "_"))
        add(option, type=value_type, metavar=metavar, default=default, help=f"{text} ({default})")
    add("--express", action="store_true", help="exit with 3 where it cannot run as EXPRESS")
    add(
        "--choose",
        action="append",
        type=branch,
        metavar="STATE=NEXT",
        default=[],
        help="the branch to take at a Choice, in place of the first that ends well",
    )
    add("--json", action="store_true", help="print the report as JSON")


def run(options: Mapping[str, Any]) -> tuple[str, int]:
    """Estimate a definition; returns the report and the exit code. Raises UnreadableDefinition."""
    definition = read_definition(options["definition"])
    volume = Volume(**{field.name: options[field.name] for field in fields(Volume)})
    branches = dict(options["choose"])
    for state, target in branches.items():
        if not _has_transition(definition, state, target):
            raise UnreadableDefinition(f"{definition.name} has no way from {state} to {target}.")
    prices = price_list.load()
    result = estimate(definition, volume, prices, branches)
    not_express = options["express"] and any(
        variant.impossible for variant in result.variants if variant.id in ("express", "map")
    )
    as_text = "\n".join(table(result, prices))
    report = json.dumps(as_json(result, prices), indent=2) if options["json"] else as_text
    return report, EXIT_FINDING if not_express else 0


def _has_transition(definition: Definition, source: str, target: str) -> bool:
    return any(
        transition.target == target
        for state in definition.states
        if state.name == source
        for transition in state.transitions
    )


def percent(text: str) -> Decimal:
    """A number from 0 to 100; raises ArgumentTypeError, which argparse reports as wrong usage."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is no number") from None
    if not number.is_finite() or not 0 <= number <= 100:
        raise ArgumentTypeError(f"{text!r} is not from 0 to 100")
    return number


def branch(text: str) -> tuple[str, str]:
    """`STATE=NEXT` as its two names; raises ArgumentTypeError as `percent` does."""
    state, equals, target = text.partition("=")
    if not (state and equals and target):
        raise ArgumentTypeError(f"{text!r} is not STATE=NEXT")
    return state, target


_DEFAULTS = Volume(1)
_VOLUME_OPTIONS = (
    ("--batch", positive, "N", "orders a batch"),
    ("--memory-mb", positive, "N", "MB of an EXPRESS execution: the definition and its data"),
    ("--duration-ms", positive, "N", "milliseconds of an EXPRESS execution for one order"),
    ("--reviewed-percent", percent, "P", "orders that a person must see"),
    ("--map-items", positive, "N", "items an order of an inline Map"),
    ("--runs", positive, "N", "runs a month of a distributed Map"),
)
