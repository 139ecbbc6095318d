"""The command `price_workflow`: its arguments, and an estimate as a table or as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from approvals.untrusted.display import visible
from approvals.workflows.asl import parser
from approvals.workflows.linting.command import FINDING, positive
from approvals.workflows.pricing import tariff
from approvals.workflows.pricing.paths import Path
from approvals.workflows.pricing.transitions import Estimate, Volume, Way, estimate

HELP = (
    "Say what the Step Functions workflow in DEFINITION costs a month, run one way or another."
    " Transitions are counted on the definition. Needs no database and no settings."
)
_MONTH = Volume(1)


def arguments(parser: ArgumentParser) -> None:
    """The options of the contract, and those that say what a definition does not."""
    add = parser.add_argument
    add("definition", metavar="DEFINITION", help="a file in Amazon States Language")
    add("--per-month", type=positive, metavar="N", required=True, help="orders a month")
    add("--batch", type=positive, metavar="N", default=100, help="orders a batch (100)")
    add("--express", action="store_true", help="exit with 3 where it cannot run as EXPRESS")
    add(
        "--memory-mb",
        type=positive,
        metavar="N",
        default=_MONTH.memory_mb,
        help="memory of an EXPRESS execution (64: about 50 MB, the definition and its data)",
    )
    add(
        "--duration-ms",
        type=positive,
        metavar="N",
        default=_MONTH.duration_ms,
        help="how long an EXPRESS execution takes for one order (1000)",
    )
    add(
        "--reviewed-percent",
        type=percent,
        metavar="P",
        default=_MONTH.reviewed_percent,
        help="orders that a person must see (0)",
    )
    add(
        "--map-items",
        type=positive,
        metavar="N",
        default=1,
        help="items an order of an inline Map (1)",
    )
    add(
        "--runs",
        type=positive,
        metavar="N",
        default=_MONTH.runs,
        help="runs a month of a distributed Map (30)",
    )
    add(
        "--choose",
        action="append",
        type=choice,
        metavar="STATE=NEXT",
        default=[],
        help="the way to take at a Choice, in place of the first that ends well",
    )
    add("--json", action="store_true", help="a report for machines")


def run(options: Mapping[str, Any]) -> tuple[str, int]:
    """The estimate and the exit code. Raises reading.Unreadable."""
    definition = parser.read(options["definition"])
    volume = Volume(**{one.name: options[one.name] for one in fields(Volume)})
    wanted = dict(options["choose"])
    for state, target in wanted.items():
        if not any(
            one.name == state and target in [edge.target for edge in one.edges]
            for one in definition.states
        ):
            raise parser.Unreadable(f"{definition.name} has no way from {state} to {target}.")
    prices = tariff.load()
    found = estimate(definition, volume, prices, wanted)
    stuck = options["express"] and any(
        one.refused for one in found.ways if one.id in ("express", "map")
    )
    lines = _table(found, prices)
    report = json.dumps(as_json(found, prices), indent=2) if options["json"] else "\n".join(lines)
    return report, FINDING if stuck else 0


def notes(found: Estimate, prices: tariff.Tariff) -> list[str]:
    """What the figures assume."""
    function = f"{prices.lambda_duration_ms} ms with {prices.lambda_memory_mb} MB"
    told = [
        f"Prices of {prices.date} in {prices.region}; AWS may have changed them.",
        "A retry is one transition more; errors and redrives are not counted in.",
        f"A function is taken to run {function} for an order; Lambda's free tier is not taken off.",
        "What else a step calls (DynamoDB, SQS, S3, logs) is not counted.",
    ]
    if found.paths[0].children:
        told.append("Each item of the distributed Map is an order.")
    if any(one.starts_execution for one in found.definition.states):
        told.append("Executions of other workflows that it starts are priced by their definitions.")
    told += [
        f"The path {path.name} comes back to {path.cut} and was left there."
        for path in found.paths
        if path.cut
    ]
    return told


def as_json(found: Estimate, prices: tariff.Tariff) -> dict[str, Any]:
    """The whole estimate; dollars are rounded to cents, lines before they are summed are not."""
    volume = found.volume
    return {
        "definition": found.definition.name,
        "states": len(found.definition.states),
        "per_month": volume.per_month,
        "batch": volume.batch,
        "memory_mb": volume.memory_mb,
        "duration_ms": volume.duration_ms,
        "reviewed_percent": float(volume.reviewed_percent),
        "map_items": volume.map_items,
        "runs": volume.runs,
        "currency": "USD",
        "region": prices.region,
        "prices_of": prices.date,
        "paths": [_path_as_json(path) for path in found.paths],
        "ways": [_way_as_json(way) for way in found.ways],
        "notes": notes(found, prices),
    }


def _path_as_json(path: Path) -> dict[str, Any]:
    return {
        "path": path.name,
        "transitions": path.transitions,
        "lambdas": path.functions,
        "reviews": path.reviews,
        "states": path.states,
        "choices": [one._asdict() for one in path.chosen],
        "children": [
            {"map": one.name, "express": one.express, "items": one.items}
            | {"path": _path_as_json(one.path)}
            for one in path.children
        ],
    }


def _way_as_json(way: Way) -> dict[str, Any]:
    known = {"way": way.id, "title": way.title, "possible": not way.refused}
    if way.refused:
        return known | {"why_not": way.refused}
    return known | {
        "lines": [
            {"what": one.what, "quantity": float(one.quantity), "unit": one.unit}
            | {"usd": _cents(one.usd)}
            for one in way.lines
        ],
        "before_free_tier": _cents(way.step_functions),
        "free_tier": _cents(way.free_tier),
        "lambda": _cents(way.functions),
        "total": _cents(way.total),
    }


def _table(found: Estimate, prices: tariff.Tariff) -> Iterator[str]:
    volume = found.volume
    yield (
        f"{found.definition.name}: {len(found.definition.states)} states,"
        f" {volume.per_month:,} orders a month"
    )
    for path in found.paths:
        yield from _path(path, "")
        for child in path.children:
            yield from _path(child.path, f", each child of {child.name}")
    yield ""
    yield f"{'a month, in US dollars':<58}{'before free tier':>17}{'free tier':>11}{'Lambda':>10}{'total':>12}"
    for way in found.ways:
        if way.refused:
            yield f"{way.title}: not possible. {visible(way.refused)}"
            continue
        amounts = (way.step_functions, way.free_tier, way.functions, way.total)
        yield f"{way.title:<58}" + "".join(
            f"{dollars(amount):>{width}}"
            for amount, width in zip(amounts, (17, 11, 10, 12), strict=True)
        )
        for one in way.lines:
            count = f"{one.quantity:,.0f} {one.unit}"
            yield f"    {visible(one.what):<44} {count:>32} {dollars(one.usd):>12}"
        yield f"    {'free tier of Step Functions':<44} {'':>32} {dollars(way.free_tier):>12}"
    yield ""
    yield from notes(found, prices)


def _path(path: Path, whose: str) -> Iterator[str]:
    yield (
        f"  {visible(path.name)}{whose}: {path.transitions} states entered,"
        f" {path.functions} Lambdas"
    )
    yield "    " + visible(" > ".join(path.states))
    for one in path.chosen:
        yield f"    at {visible(one.state)} to {visible(one.taken)}: {one.why}"


def dollars(amount: Decimal) -> str:
    """An amount as a bill says it."""
    cents = _rounded(amount)
    return f"-${-cents:,}" if cents < 0 else f"${abs(cents):,}"


def _cents(amount: Decimal) -> float:
    return float(_rounded(amount))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP, Context(prec=100))


def percent(text: str) -> Decimal:
    """A number from 0 to 100; ArgumentTypeError is a usage error."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is no number") from None
    if not number.is_finite() or not 0 <= number <= 100:
        raise ArgumentTypeError(f"{text!r} is not from 0 to 100")
    return number


def choice(text: str) -> tuple[str, str]:
    """`STATE=NEXT`; ArgumentTypeError is a usage error."""
    state, equals, target = text.partition("=")
    if not (state and equals and target):
        raise ArgumentTypeError(f"{text!r} is not STATE=NEXT")
    return state, target
