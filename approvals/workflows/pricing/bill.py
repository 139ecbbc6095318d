"""A month's bill: its lines, their prices, and the free tier as an amount of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import NamedTuple

from approvals.workflows.pricing.paths import Path
from approvals.workflows.pricing.price_list import PriceList, gb_seconds

# The units of a line.
TRANSITIONS, REQUESTS, GB_SECONDS = "transitions", "requests", "GB-seconds"
INVOCATIONS, LAMBDA_GB_SECONDS = "Lambda requests", "Lambda GB-seconds"
LAMBDA_UNITS = {INVOCATIONS, LAMBDA_GB_SECONDS}


@dataclass(frozen=True)
class Volume:
    """How much runs in a month, and how long an EXPRESS execution takes and how much memory for one order."""

    per_month: int
    batch: int = 100
    memory_mb: int = 64
    duration_ms: int = 1_000
    reviewed_percent: Decimal = Decimal(0)  # of the orders, those that a person must see
    map_items: int = 1  # that an order brings to an inline Map
    runs: int = 30  # executions a month of a distributed Map's parent: one a day


class BillLine(NamedTuple):
    """One line of a bill: what is billed, how much of it in which unit, and its price."""

    what: str
    quantity: Decimal
    unit: str
    usd: Decimal


@dataclass
class Variant:
    """One way to run the orders of a month (STANDARD, EXPRESS, batches, ...) with its bill.

    `impossible` is the reason why the orders cannot run so; then there is no bill.
    """

    id: str
    title: str
    impossible: str = ""
    lines: list[BillLine] = field(default_factory=list)
    free_tier: Decimal = Decimal(0)  # never above zero

    @property
    def step_functions(self) -> Decimal:
        """The price of Step Functions before the free tier."""
        return sum((line.usd for line in self.lines if line.unit not in LAMBDA_UNITS), Decimal(0))

    @property
    def functions(self) -> Decimal:
        """The price of Lambda."""
        return sum((line.usd for line in self.lines if line.unit in LAMBDA_UNITS), Decimal(0))

    @property
    def total(self) -> Decimal:
        """The price of everything, the free tier taken off."""
        return self.step_functions + self.functions + self.free_tier


class LinePricer:
    """Prices the lines of bills for one volume."""

    def __init__(self, volume: Volume, prices: PriceList) -> None:
        self.volume = volume
        self.prices = prices

    def standard(
        self, path: Path, executions: Decimal, whose: str = "orders"
    ) -> Iterator[BillLine]:
        """STANDARD executions that all take the path; no line where there are none."""
        if executions:
            what = f"{whose}, {path.transitions} states entered each"
            yield self.transitions(what, path.transitions * executions)
            yield from self.lambdas(path.functions * executions)

    def transitions(self, what: str, count: Decimal) -> BillLine:
        """State transitions of STANDARD."""
        return BillLine(what, count, TRANSITIONS, count * self.prices.per_transition)

    def express(
        self, executions: int, orders: int, wait_seconds: Decimal = Decimal(0)
    ) -> Iterator[BillLine]:
        """EXPRESS executions of so many orders, one after the other, and of so long in Wait states.

        The duration of an execution is billed from its start to its end, waiting included (price list).
        """
        volume = self.volume
        usd = executions * self.prices.per_request
        yield BillLine("EXPRESS executions", Decimal(executions), REQUESTS, usd)
        duration_ms = volume.duration_ms * orders + ceil(wait_seconds * 1000)
        each = self.prices.express_gb_seconds(duration_ms, volume.memory_mb)
        total = each * executions
        usd_of_duration = self.prices.usd_of_gb_seconds(total)
        yield BillLine("their duration and memory", total, GB_SECONDS, usd_of_duration)

    def lambdas(self, calls: Decimal, orders: Decimal | None = None) -> Iterator[BillLine]:
        """Lambda calls, each as long as for one order; with `orders`, as long as for so many in all."""
        if not calls:
            return
        prices = self.prices
        yield BillLine("functions called", calls, INVOCATIONS, calls * prices.per_invocation)
        each = gb_seconds(prices.lambda_duration_ms, prices.lambda_memory_mb)
        total = each * (calls if orders is None else orders)
        usd = total * prices.per_lambda_gb_second
        yield BillLine("their duration and memory", total, LAMBDA_GB_SECONDS, usd)

    def closed(self, variant: Variant) -> Variant:
        """The variant with the free tier of its transitions; without lines where it is impossible."""
        if variant.impossible:
            variant.lines = []
        counted = [line.quantity for line in variant.lines if line.unit == TRANSITIONS]
        free = min(sum(counted, Decimal(0)), Decimal(self.prices.free_transitions))
        variant.free_tier = -free * self.prices.per_transition
        return variant
