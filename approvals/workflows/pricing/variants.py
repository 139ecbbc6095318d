"""The variants in which the same orders can run, each with its bill: STANDARD, EXPRESS, batches, a Map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from approvals.workflows.asl.model import Definition
from approvals.workflows.linting.rule import QueueSettings
from approvals.workflows.linting.rules.express import MAX_SECONDS, waits_in_express
from approvals.workflows.pricing.bill import LAMBDA_UNITS, BillLine, LinePricer, Variant, Volume
from approvals.workflows.pricing.paths import Children, Path
from approvals.workflows.pricing.price_list import PriceList


class OrderVariants:
    """The variants of a workflow that an execution runs for one order.

    `path` is an order's without an error, `batch_path` the same for an execution that carries a
    batch, and `reviewed` are those through each review.
    """

    def __init__(
        self, definition: Definition, volume: Volume, prices: PriceList, path: Path
    ) -> None:
        self.definition = definition
        self.volume = volume
        self.lines = LinePricer(volume, prices)
        self.path = path
        self.batches = -(-volume.per_month // volume.batch)

    def priced(self, batch_path: Path, reviewed: list[Path]) -> Iterator[Variant]:
        """Yields every variant; `express_part` only where the workflow has a review."""
        volume = self.volume
        held = volume.per_month * volume.reviewed_percent / 100 if reviewed else Decimal(0)
        longest = max(reviewed, key=lambda path: path.transitions) if reviewed else self.path
        standard = Variant("standard", "STANDARD, one execution an order")
        standard.lines += self.lines.standard(self.path, volume.per_month - held)
        standard.lines += self.lines.standard(longest, held, "held orders")
        yield self.lines.closed(standard)
        direct = Variant("direct", "STANDARD, SDK integrations in place of Lambdas")
        direct.lines += [line for line in standard.lines if line.unit not in LAMBDA_UNITS]
        yield self.lines.closed(direct)
        yield self._express()
        if reviewed:
            yield self._express_part(longest, held)
        yield self._batches(batch_path, longest, held)
        yield self._map(longest, held)

    def _express(self) -> Variant:
        variant = Variant("express", "EXPRESS, one execution an order")
        variant.impossible = self._standard_only() or self._too_long(1)
        if not variant.impossible:
            variant.lines += self._express_lines(self.volume.per_month, 1)
        return self.lines.closed(variant)

    def _express_part(self, longest: Path, held: Decimal) -> Variant:
        variant = Variant(
            "express_part", "EXPRESS, held orders as STANDARD executions of their own"
        )
        variant.impossible = self._standard_only(reviews=False) or self._too_long(1)
        if not variant.impossible:
            variant.lines += self._express_lines(self.volume.per_month, 1)
            variant.lines += self.lines.standard(longest, held, "held orders")
        return self.lines.closed(variant)

    def _standard_only(self, *, reviews: bool = True) -> str:
        """Which state keeps the orders from running as EXPRESS, reviews counted or not; else empty."""
        as_express = replace(self.definition, express=True)
        asked = {state.pointer for state in as_express.states if state.is_review}
        for waits in waits_in_express(as_express, QueueSettings()):
            if reviews or waits.pointer not in asked:
                name = waits.pointer.rpartition("/")[2]
                return f"{name} waits for a token, a job or children, which only STANDARD can."
        return ""

    def _too_long(self, orders: int) -> str:
        return too_long_for_express(self.volume, orders, self.path.wait_seconds * orders)

    def _batches(self, batch_path: Path, longest: Path, held: Decimal) -> Variant:
        """Each step runs once for all orders of a batch, and works as long as for each alone."""
        variant = Variant("batches", f"STANDARD, {self.volume.batch:,} orders an execution")
        what = f"batches, {batch_path.transitions} states entered each"
        transitions = Decimal(batch_path.transitions * self.batches)
        variant.lines.append(self.lines.transitions(what, transitions))
        calls = Decimal(batch_path.functions * self.batches)
        orders = self.path.functions * Decimal(self.volume.per_month)
        variant.lines += self.lines.lambdas(calls, orders)
        variant.lines += self._held_started(longest, held)
        return self.lines.closed(variant)

    def _map(self, longest: Path, held: Decimal) -> Variant:
        volume = self.volume
        title = f"Distributed Map, EXPRESS children of {volume.batch:,} orders"
        variant = Variant("map", title)
        variant.impossible = self._standard_only(reviews=False) or self._too_long(volume.batch)
        if not variant.impossible:
            variant.lines.append(self.lines.transitions("the Map itself", Decimal(volume.runs)))
            started = Decimal(self.batches)
            variant.lines.append(self.lines.transitions("children started", started))
            variant.lines += self._express_lines(self.batches, volume.batch)
            variant.lines += self._held_started(longest, held)
        return self.lines.closed(variant)

    def _express_lines(self, executions: int, orders: int) -> Iterator[BillLine]:
        """EXPRESS executions of so many orders each, and the Lambdas of a month's orders."""
        yield from self.lines.express(executions, orders, self.path.wait_seconds * orders)
        yield from self.lines.lambdas(Decimal(self.path.functions * self.volume.per_month))

    def _held_started(self, longest: Path, held: Decimal) -> Iterator[BillLine]:
        """Held orders, each started by the batch as an execution of its own: one transition more."""
        if held:
            yield self.lines.transitions("held orders started", held)
            yield from self.lines.standard(longest, held, "held orders")


class MapVariants:
    """The variants of a workflow whose orders are the items of a distributed Map."""

    def __init__(self, volume: Volume, prices: PriceList, parent: Path) -> None:
        self.volume = volume
        self.lines = LinePricer(volume, prices)
        self.parent = parent

    def priced(self) -> Iterator[Variant]:
        """Yields the definition as written, without Lambdas, and with children of the other type."""
        express = any(children.express for children in self.parent.children)
        written = self._with_children("map", "As written", None)
        yield written
        direct = Variant(
            "direct", "As written, SDK integrations in place of Lambdas", written.impossible
        )
        direct.lines += [line for line in written.lines if line.unit not in LAMBDA_UNITS]
        yield self.lines.closed(direct)
        other = "STANDARD" if express else "EXPRESS"
        yield self._with_children(other.lower(), f"With {other} children", not express)

    def _with_children(self, variant_id: str, title: str, express: bool | None) -> Variant:
        """The variant with EXPRESS or STANDARD children; None leaves each as the definition has it."""
        variant = Variant(variant_id, title)
        variant.lines += self.lines.standard(self.parent, Decimal(self.volume.runs), "the parent")
        for written in self.parent.children:
            children = written if express is None else replace(written, express=express)
            if children.express and children.path.reviews:
                variant.impossible = (
                    f"{children.name} holds a review: its children must be STANDARD."
                )
            elif children.express and (reason := self._too_long(children)):
                variant.impossible = f"{children.name}: {reason}"
            else:
                variant.lines += self._children(children)
        return self.lines.closed(variant)

    def _too_long(self, children: Children) -> str:
        return too_long_for_express(self.volume, children.items, children.path.wait_seconds)

    def _children(self, children: Children) -> Iterator[BillLine]:
        count = -(-self.volume.per_month // children.items)
        yield self.lines.transitions(f"children of {children.name} started", Decimal(count))
        if children.express:
            yield from self.lines.express(count, children.items, children.path.wait_seconds)
            yield from self.lines.lambdas(Decimal(children.path.functions * count))
        else:
            whose = f"children of {children.name}"
            yield from self.lines.standard(children.path, Decimal(count), whose)


def too_long_for_express(volume: Volume, orders: int, wait_seconds: Decimal = Decimal(0)) -> str:
    """Why an execution of so many orders and so many seconds of waiting cannot be EXPRESS; else empty."""
    seconds = Decimal(volume.duration_ms * orders) / 1000 + wait_seconds
    if seconds <= MAX_SECONDS:
        return ""
    waiting = f" and {wait_seconds:,} s of waiting" if wait_seconds else ""
    each = f"{orders:,} order{'' if orders == 1 else 's'} of {volume.duration_ms:,} ms{waiting}"
    return f"{each} are {seconds:,} s, but AWS ends an EXPRESS execution after {MAX_SECONDS} s."
