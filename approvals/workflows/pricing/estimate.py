"""Estimates a month of a workflow: the paths that orders take, and each variant of running them with its bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from approvals.workflows.asl.model import Definition
from approvals.workflows.asl.parser import UnreadableDefinition
from approvals.workflows.pricing.bill import Variant, Volume
from approvals.workflows.pricing.paths import Path, PathFinder
from approvals.workflows.pricing.price_list import PriceList
from approvals.workflows.pricing.variants import MapVariants, OrderVariants


@dataclass(frozen=True)
class Estimate:
    """The paths that were counted, the one without an error first, and the priced variants."""

    definition: Definition
    volume: Volume
    paths: list[Path]
    variants: list[Variant]


def estimate(
    definition: Definition,
    volume: Volume,
    prices: PriceList,
    branches: Mapping[str, str] = MappingProxyType({}),
) -> Estimate:
    """Estimate what this definition costs a month; `branches` names the next state for a Choice.

    Raises UnreadableDefinition where StartAt names no state.
    """
    if definition.root.start is None:
        start = definition.body.get("StartAt")
        raise UnreadableDefinition(f"{definition.name} starts at {start!r}, and has no such state.")
    finder = PathFinder(branches, volume.map_items, volume.batch, volume.reviewed_percent)
    path, reviewed = finder.error_free_path(definition), finder.reviewed_paths(definition)
    if path.children:
        variants = list(MapVariants(volume, prices, path).priced())
    else:
        batch_path = finder.for_orders(volume.batch).error_free_path(definition)
        orders = OrderVariants(definition, volume, prices, path)
        variants = list(orders.priced(batch_path, reviewed))
    return Estimate(definition, volume, [path, *reviewed], variants)
