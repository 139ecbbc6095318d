"""The prices, from `prices.json`: amounts in, US dollars out. AWS changes prices; the file has its date."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.json")
MEGABYTES_PER_GIGABYTE, MILLISECONDS, SECONDS_PER_HOUR = 1024, 1000, 3600


@dataclass(frozen=True)
class Tariff:
    """What a region asks."""

    date: str
    region: str
    per_transition: Decimal
    free_transitions: int
    per_request: Decimal  # of an EXPRESS execution
    duration_step_ms: int
    memory_step_mb: int
    per_gb_hour: tuple[tuple[Decimal | None, Decimal], ...]  # up to so many a month, so much each
    per_invocation: Decimal  # of a Lambda
    per_lambda_gb_second: Decimal
    lambda_memory_mb: int
    lambda_duration_ms: int

    def express_gb_seconds(self, duration_ms: int, memory_mb: int) -> Decimal:
        """What one EXPRESS execution is billed: 100 ms and 64 MB begun are 100 ms and 64 MB."""
        duration = _stepped(duration_ms, self.duration_step_ms)
        return gb_seconds(duration, _stepped(memory_mb, self.memory_step_mb))

    def of_gb_seconds(self, total: Decimal) -> Decimal:
        """The price of a month's GB-seconds of EXPRESS, tier by tier."""
        usd, below, hours = Decimal(0), Decimal(0), total / SECONDS_PER_HOUR
        for up_to, price in self.per_gb_hour:
            top = hours if up_to is None else min(hours, up_to)
            usd += (top - below) * price
            below = top
        return usd


def gb_seconds(duration_ms: int, memory_mb: int) -> Decimal:
    """So long with so much memory."""
    return Decimal(duration_ms * memory_mb) / (MILLISECONDS * MEGABYTES_PER_GIGABYTE)


def load() -> Tariff:
    """The prices of the data file."""
    data: dict[str, Any] = json.loads(PRICES.read_text(encoding="utf-8"))
    standard, express, functions = data["standard"], data["express"], data["lambda"]
    return Tariff(
        date=data["date"],
        region=data["region"],
        per_transition=Decimal(standard["usd_per_1000_transitions"]) / 1000,
        free_transitions=standard["free_transitions"],
        per_request=_per_million(express),
        duration_step_ms=express["duration_step_ms"],
        memory_step_mb=express["memory_step_mb"],
        per_gb_hour=tuple(
            (None if tier["up_to"] is None else Decimal(tier["up_to"]), Decimal(tier["usd"]))
            for tier in express["usd_per_gb_hour"]
        ),
        per_invocation=_per_million(functions),
        per_lambda_gb_second=Decimal(functions["usd_per_gb_second"]),
        lambda_memory_mb=data["assumed"]["lambda_memory_mb"],
        lambda_duration_ms=data["assumed"]["lambda_duration_ms"],
    )


def _per_million(prices: dict[str, Any]) -> Decimal:
    return Decimal(prices["usd_per_million_requests"]) / 1_000_000


def _stepped(amount: int, step: int) -> int:
    """The amount, rounded up to whole steps, at least one."""
    return max(1, -(-amount // step)) * step
