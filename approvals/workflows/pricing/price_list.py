"""The prices of Step Functions and Lambda, from `prices.json`: quantities in, US dollars out.

AWS changes its prices; the file has the date and the region of those it holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.json")
MEGABYTES_PER_GIGABYTE, MILLISECONDS, SECONDS_PER_HOUR = 1024, 1000, 3600


@dataclass(frozen=True)
class PriceList:
    """The prices of one region on one date, in US dollars."""

    date: str
    region: str
    per_transition: Decimal
    free_transitions: int  # a month
    per_request: Decimal  # of an EXPRESS execution
    duration_step_ms: int
    memory_step_mb: int
    per_gb_hour: tuple[tuple[Decimal | None, Decimal], ...]  # (up to GB-hours a month, price)
    per_invocation: Decimal  # of a Lambda
    per_lambda_gb_second: Decimal
    lambda_memory_mb: int  # assumed of every Lambda
    lambda_duration_ms: int  # assumed of every Lambda

    def express_gb_seconds(self, duration_ms: int, memory_mb: int) -> Decimal:
        """The GB-seconds billed for one EXPRESS execution: in whole steps of 100 ms and 64 MB."""
        duration = _rounded_up(duration_ms, self.duration_step_ms)
        return gb_seconds(duration, _rounded_up(memory_mb, self.memory_step_mb))

    def usd_of_gb_seconds(self, total: Decimal) -> Decimal:
        """The price of a month's GB-seconds of EXPRESS, each tier at its own price."""
        usd, below, hours = Decimal(0), Decimal(0), total / SECONDS_PER_HOUR
        for up_to, price in self.per_gb_hour:
            top = hours if up_to is None else min(hours, up_to)
            usd += (top - below) * price
            below = top
        return usd


def gb_seconds(duration_ms: int, memory_mb: int) -> Decimal:
    """The GB-seconds of so much memory for so long."""
    return Decimal(duration_ms * memory_mb) / (MILLISECONDS * MEGABYTES_PER_GIGABYTE)


def load() -> PriceList:
    """The prices in `prices.json`."""
    data: dict[str, Any] = json.loads(PRICES.read_text(encoding="utf-8"))
    standard, express, functions = data["standard"], data["express"], data["lambda"]
    return PriceList(
        date=data["date"],
        region=data["region"],
        per_transition=Decimal(standard["usd_per_1000_transitions"]) / 1000,
        free_transitions=standard["free_transitions"],
        per_request=_per_request(express),
        duration_step_ms=express["duration_step_ms"],
        memory_step_mb=express["memory_step_mb"],
        per_gb_hour=tuple(
            (None if tier["up_to"] is None else Decimal(tier["up_to"]), Decimal(tier["usd"]))
            for tier in express["usd_per_gb_hour"]
        ),
        per_invocation=_per_request(functions),
        per_lambda_gb_second=Decimal(functions["usd_per_gb_second"]),
        lambda_memory_mb=data["assumed"]["lambda_memory_mb"],
        lambda_duration_ms=data["assumed"]["lambda_duration_ms"],
    )


def _per_request(prices: dict[str, Any]) -> Decimal:
    return Decimal(prices["usd_per_million_requests"]) / 1_000_000


def _rounded_up(amount: int, step: int) -> int:
    """The amount rounded up to whole steps, at least one."""
    return max(1, -(-amount // step)) * step
