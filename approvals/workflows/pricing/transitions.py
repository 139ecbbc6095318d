"""The ways to run the same orders, each with its bill for a month: line by line, the free tier on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from approvals.workflows.asl.parser import Unreadable
from approvals.workflows.asl.states import Definition
from approvals.workflows.linting.rules import Limits
from approvals.workflows.linting.waiting import EXPRESS_SECONDS, waits_in_express
from approvals.workflows.pricing.paths import Children, Chooser, Path
from approvals.workflows.pricing.tariff import Tariff, gb_seconds

TRANSITIONS, REQUESTS, GB_SECONDS = "transitions", "requests", "GB-seconds"
INVOCATIONS, LAMBDA_GB_SECONDS = "Lambda requests", "Lambda GB-seconds"
OF_LAMBDA = {INVOCATIONS, LAMBDA_GB_SECONDS}


@dataclass(frozen=True)
class Volume:
    """How much runs in a month, and how long and wide an EXPRESS execution is for one order."""

    per_month: int
    batch: int = 100
    memory_mb: int = 64
    duration_ms: int = 1_000
    reviewed_percent: Decimal = Decimal(0)  # of the orders, those that a person must see
    map_items: int = 1  # that an order brings to an inline Map
    runs: int = 30  # executions a month of a distributed Map's parent: one a day


class Line(NamedTuple):
    """One line of a bill: so many of something, and what they cost."""

    what: str
    quantity: Decimal
    unit: str
    usd: Decimal


@dataclass
class Way:
    """One way to run the orders: its bill, or why it cannot be."""

    id: str
    title: str
    refused: str = ""
    lines: list[Line] = field(default_factory=list)
    free_tier: Decimal = Decimal(0)  # never above zero

    @property
    def step_functions(self) -> Decimal:
        """What Step Functions asks before the free tier."""
        return sum((one.usd for one in self.lines if one.unit not in OF_LAMBDA), Decimal(0))

    @property
    def functions(self) -> Decimal:
        """What Lambda asks."""
        return sum((one.usd for one in self.lines if one.unit in OF_LAMBDA), Decimal(0))

    @property
    def total(self) -> Decimal:
        """Everything, the free tier taken off."""
        return self.step_functions + self.functions + self.free_tier


@dataclass(frozen=True)
class Estimate:
    """The paths that were counted, and the ways to run them."""

    definition: Definition
    volume: Volume
    paths: list[Path]
    ways: list[Way]


def estimate(
    definition: Definition,
    volume: Volume,
    tariff: Tariff,
    wanted: Mapping[str, str] = MappingProxyType({}),
) -> Estimate:
    """What this definition costs a month, each way; `wanted` is the way to take at a Choice.

    Raises Unreadable where it starts nowhere.
    """
    if definition.root.start is None:
        start = definition.body.get("StartAt")
        raise Unreadable(f"{definition.name} starts at {start!r}, and has no such state.")
    chooser = Chooser(wanted, volume.map_items, volume.batch, volume.reviewed_percent)
    straight, reviewed = chooser.straight(definition), chooser.reviewed(definition)
    bill = Bill(definition, volume, tariff)
    if straight.children:
        ways = list(bill.maps(straight))
    else:
        in_batch = chooser.for_orders(volume.batch).straight(definition)
        ways = list(bill.orders(straight, in_batch, reviewed))
    return Estimate(definition, volume, [straight, *reviewed], ways)


class Bill:
    """Writes bills for one definition at one volume."""

    def __init__(self, definition: Definition, volume: Volume, tariff: Tariff) -> None:
        self.definition = definition
        self.volume = volume
        self.tariff = tariff
        self.batches = -(-volume.per_month // volume.batch)

    # --- a workflow for one order

    def orders(self, straight: Path, in_batch: Path, reviewed: list[Path]) -> Iterator[Way]:
        """One execution an order, or many orders in one."""
        volume = self.volume
        held = volume.per_month * volume.reviewed_percent / 100 if reviewed else Decimal(0)
        seen = max(reviewed, key=lambda path: path.transitions) if reviewed else straight
        alone = Way("standard", "STANDARD, one execution an order")
        alone.lines += self._standard(straight, volume.per_month - held)
        alone.lines += self._standard(seen, held, "held orders")
        yield self._closed(alone)
        direct = Way("direct", "STANDARD, SDK integrations in place of Lambdas")
        direct.lines += [one for one in alone.lines if one.unit not in OF_LAMBDA]
        yield self._closed(direct)
        yield self._express(straight)
        if reviewed:
            part = Way("express_part", "EXPRESS, held orders as STANDARD executions of their own")
            if reason := self._too_long(1):
                part.refused = reason
            else:
                part.lines += self._short(volume.per_month, 1)
                part.lines += self._lambdas(Decimal(straight.functions * volume.per_month))
                part.lines += self._standard(seen, held, "held orders")
            yield self._closed(part)
        batches = Way("batches", f"STANDARD, {volume.batch:,} orders an execution")
        batches.lines += self._together(straight, in_batch)
        batches.lines += self._started(seen, held)
        yield self._closed(batches)
        yield self._mapped(straight, seen, held)

    def _express(self, straight: Path) -> Way:
        way = Way("express", "EXPRESS, one execution an order")
        as_express = replace(self.definition, express=True)
        waits = next(iter(waits_in_express(as_express, Limits())), None)
        if waits is not None:
            name = waits.pointer.rpartition("/")[2]
            way.refused = f"{name} waits for a token, a job or children, which only STANDARD can."
        else:
            way.refused = self._too_long(1, straight.seconds)
        if not way.refused:
            way.lines += self._short(self.volume.per_month, 1)
            way.lines += self._lambdas(Decimal(straight.functions * self.volume.per_month))
        return self._closed(way)

    def _mapped(self, straight: Path, seen: Path, held: Decimal) -> Way:
        volume = self.volume
        way = Way("map", f"Distributed Map, EXPRESS children of {volume.batch:,} orders")
        way.refused = self._too_long(volume.batch)
        if not way.refused:
            way.lines.append(self._transitions("the Map itself", Decimal(volume.runs)))
            way.lines.append(self._transitions("children started", Decimal(self.batches)))
            way.lines += self._short(self.batches, volume.batch)
            way.lines += self._lambdas(Decimal(straight.functions * volume.per_month))
            way.lines += self._started(seen, held)
        return self._closed(way)

    # --- a workflow whose orders are a distributed Map's items

    def maps(self, parent: Path) -> Iterator[Way]:
        """The definition as it is, its children of the other kind, and without Lambdas."""
        express = any(one.express for one in parent.children)
        written = self._with_children(parent, "map", "As written", None)
        yield written
        direct = Way("direct", "As written, SDK integrations in place of Lambdas", written.refused)
        direct.lines += [one for one in written.lines if one.unit not in OF_LAMBDA]
        yield self._closed(direct)
        other = "STANDARD" if express else "EXPRESS"
        yield self._with_children(parent, other.lower(), f"With {other} children", not express)

    def _with_children(self, parent: Path, name: str, title: str, express: bool | None) -> Way:
        way = Way(name, title)
        way.lines += self._standard(parent, Decimal(self.volume.runs), "the parent")
        for child in parent.children:
            one = child if express is None else replace(child, express=express)
            if one.express and one.path.reviews:
                way.refused = f"{one.name} holds a review: its children must be STANDARD."
            elif one.express and (reason := self._too_long(one.items)):
                way.refused = reason
            else:
                way.lines += self._children(one)
        return self._closed(way)

    def _children(self, child: Children) -> Iterator[Line]:
        many = -(-self.volume.per_month // child.items)
        yield self._transitions(f"children of {child.name} started", Decimal(many))
        if child.express:
            yield from self._short(many, child.items)
            yield from self._lambdas(Decimal(child.path.functions * many))
        else:
            yield from self._standard(child.path, Decimal(many), f"children of {child.name}")

    # --- lines

    def _standard(self, path: Path, executions: Decimal, whose: str = "orders") -> Iterator[Line]:
        if executions:
            told = f"{whose}, {path.transitions} states entered each"
            yield self._transitions(told, path.transitions * executions)
            yield from self._lambdas(path.functions * executions)

    def _together(self, straight: Path, in_batch: Path) -> Iterator[Line]:
        """Batches: a step runs once for all its orders, and works as long as for each alone."""
        told = f"batches, {in_batch.transitions} states entered each"
        yield self._transitions(told, Decimal(in_batch.transitions * self.batches))
        calls = Decimal(in_batch.functions * self.batches)
        yield from self._lambdas(calls, straight.functions * Decimal(self.volume.per_month))

    def _started(self, seen: Path, held: Decimal) -> Iterator[Line]:
        """Held orders, each started from inside as its own execution: one transition more."""
        if held:
            yield self._transitions("held orders started", held)
            yield from self._standard(seen, held, "held orders")

    def _transitions(self, what: str, many: Decimal) -> Line:
        return Line(what, many, TRANSITIONS, many * self.tariff.per_transition)

    def _short(self, executions: int, orders: int) -> Iterator[Line]:
        """EXPRESS executions, each with so many orders, one after the other."""
        volume = self.volume
        usd = executions * self.tariff.per_request
        yield Line("EXPRESS executions", Decimal(executions), REQUESTS, usd)
        each = self.tariff.express_gb_seconds(volume.duration_ms * orders, volume.memory_mb)
        total = each * executions
        yield Line("their duration and memory", total, GB_SECONDS, self.tariff.of_gb_seconds(total))

    def _lambdas(self, calls: Decimal, work: Decimal | None = None) -> Iterator[Line]:
        """So many calls, each with the work of one order; or with `work` orders' in all."""
        if not calls:
            return
        tariff = self.tariff
        yield Line("functions called", calls, INVOCATIONS, calls * tariff.per_invocation)
        each = gb_seconds(tariff.lambda_duration_ms, tariff.lambda_memory_mb)
        total = each * (calls if work is None else work)
        usd = total * tariff.per_lambda_gb_second
        yield Line("their duration and memory", total, LAMBDA_GB_SECONDS, usd)

    def _closed(self, way: Way) -> Way:
        """The way with the free tier taken off its transitions, or without a bill if it cannot be."""
        if way.refused:
            way.lines = []
        counted = [one.quantity for one in way.lines if one.unit == TRANSITIONS]
        many = sum(counted, Decimal(0))
        way.free_tier = (
            -min(many, Decimal(self.tariff.free_transitions)) * self.tariff.per_transition
        )
        return way

    def _too_long(self, orders: int, waited: float = 0) -> str:
        seconds = max(Decimal(self.volume.duration_ms * orders) / 1000, Decimal(waited))
        if seconds <= EXPRESS_SECONDS:
            return ""
        return f"{seconds:,} s, but AWS ends an EXPRESS execution after {EXPRESS_SECONDS} s."
