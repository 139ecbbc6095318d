"""An estimate as a table of text, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from approvals.untrusted.display import visible
from approvals.workflows.pricing.assumptions import notes
from approvals.workflows.pricing.bill import Variant
from approvals.workflows.pricing.estimate import Estimate
from approvals.workflows.pricing.paths import Path
from approvals.workflows.pricing.price_list import PriceList


def as_json(estimate: Estimate, prices: PriceList) -> dict[str, Any]:
    """The whole estimate; dollars are rounded to cents, after lines are summed and not before."""
    volume = estimate.volume
    return {
        "definition": estimate.definition.name,
        "states": len(estimate.definition.states),
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
        "paths": [_path_as_json(path) for path in estimate.paths],
        "ways": [_variant_as_json(variant) for variant in estimate.variants],
        "notes": notes(estimate, prices),
    }


def _path_as_json(path: Path) -> dict[str, Any]:
    return {
        "path": path.name,
        "transitions": path.transitions,
        "lambdas": path.functions,
        "reviews": path.reviews,
        "wait_seconds": float(path.wait_seconds),
        "states": path.states,
        "choices": [choice._asdict() for choice in path.choices],
        "children": [
            {"map": children.name, "express": children.express, "items": children.items}
            | {"items_assumed": children.assumed}
            | {"path": _path_as_json(children.path)}
            for children in path.children
        ],
    }


def _variant_as_json(variant: Variant) -> dict[str, Any]:
    head = {"way": variant.id, "title": variant.title, "possible": not variant.impossible}
    if variant.impossible:
        return head | {"why_not": variant.impossible}
    return head | {
        "lines": [
            {"what": line.what, "quantity": float(line.quantity), "unit": line.unit}
            | {"usd": _cents(line.usd)}
            for line in variant.lines
        ],
        "before_free_tier": _cents(variant.step_functions),
        "free_tier": _cents(variant.free_tier),
        "lambda": _cents(variant.functions),
        "total": _cents(variant.total),
    }


def table(estimate: Estimate, prices: PriceList) -> Iterator[str]:
    """The lines of the estimate as text: the paths, the variants with their bills, the notes."""
    yield (
        f"{estimate.definition.name}: {len(estimate.definition.states)} states,"
        f" {estimate.volume.per_month:,} orders a month"
    )
    for path in estimate.paths:
        yield from _path_lines(path, "")
        for children in path.children:
            yield from _path_lines(children.path, f", each child of {children.name}")
    yield ""
    yield f"{'a month, in US dollars':<58}{'before free tier':>17}{'free tier':>11}{'Lambda':>10}{'total':>12}"
    for variant in estimate.variants:
        yield from _variant_lines(variant)
    yield ""
    yield from map(visible, notes(estimate, prices))


def _path_lines(path: Path, whose: str) -> Iterator[str]:
    yield (
        f"  {visible(path.name)}{whose}: {path.transitions} states entered,"
        f" {path.functions} Lambdas"
        + (f", {path.wait_seconds:,} s of waiting" if path.wait_seconds else "")
    )
    yield "    " + visible(" > ".join(path.states))
    for choice in path.choices:
        yield f"    at {visible(choice.state)} to {visible(choice.taken)}: {choice.why}"


def _variant_lines(variant: Variant) -> Iterator[str]:
    if variant.impossible:
        yield f"{variant.title}: not possible. {visible(variant.impossible)}"
        return
    amounts = (variant.step_functions, variant.free_tier, variant.functions, variant.total)
    yield f"{variant.title:<58}" + "".join(
        f"{dollars(amount):>{width}}"
        for amount, width in zip(amounts, (17, 11, 10, 12), strict=True)
    )
    for line in variant.lines:
        count = f"{line.quantity:,.0f} {line.unit}"
        yield f"    {visible(line.what):<44} {count:>32} {dollars(line.usd):>12}"
    yield f"    {'free tier of Step Functions':<44} {'':>32} {dollars(variant.free_tier):>12}"


def dollars(amount: Decimal) -> str:
    """An amount rounded to cents, as in `$1,234.50` and `-$0.10`."""
    cents = _rounded(amount)
    return f"-${-cents:,}" if cents < 0 else f"${abs(cents):,}"


def _cents(amount: Decimal) -> float:
    return float(_rounded(amount))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP, Context(prec=100))
