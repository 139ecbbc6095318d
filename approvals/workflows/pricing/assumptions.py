"""What an estimate assumes where a definition leaves something open, a sentence each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from approvals.workflows.pricing.bill import Volume
from approvals.workflows.pricing.estimate import Estimate
from approvals.workflows.pricing.paths import Path, Round
from approvals.workflows.pricing.price_list import PriceList

MAX_AGE_DAYS = 365  # of a price list, before it is said to be old
_SHOWN = 5  # names of states in a sentence


def notes(estimate: Estimate, prices: PriceList) -> list[str]:
    """What the figures assume, a sentence each; the date of the prices first, a warning of their age next."""
    function = f"{prices.lambda_duration_ms} ms with {prices.lambda_memory_mb} MB"
    return [
        f"Prices of {prices.date} in {prices.region}; AWS may have changed them.",
        *old_prices(prices, datetime.fromtimestamp(time.time(), UTC).date()),
        "A retry is one transition more; errors and redrives are not counted in.",
        f"A function is taken to run {function} for an order; Lambda's free tier is not taken off.",
        "What else a step calls (DynamoDB, SQS, S3, logs) is not counted.",
        *_of_volume(estimate),
        *_of_waits(estimate),
        *_of_maps(estimate),
        *_of_loops(estimate.paths),
    ]


def old_prices(prices: PriceList, today: date) -> list[str]:
    """A warning if the price list is older than MAX_AGE_DAYS; else nothing."""
    age = (today - date.fromisoformat(prices.date)).days
    if age <= MAX_AGE_DAYS:
        return []
    warning = (
        f"Warning: these prices are {age:,} days old, more than a year: compare them with AWS's before"
        " you rely on a figure."
    )
    return [warning]


def _of_volume(estimate: Estimate) -> Iterator[str]:
    """What is assumed of the orders of a month and of each of their executions."""
    volume = estimate.volume
    possible = {variant.id for variant in estimate.variants if not variant.impossible}
    if possible & {"express", "express_part", "map"}:
        yield (
            f"An EXPRESS execution is taken to work {volume.duration_ms:,} ms for an order, with"
            f" {volume.memory_mb:,} MB; the time of its Wait states is added."
        )
    if "batches" in possible:
        yield (
            f"{_count(volume.batch, 'order')} are taken for a batch: its steps run once for all of them,"
            " a child of the Map works through them one after the other."
        )
    if len(estimate.paths) > 1:
        yield f"{volume.reviewed_percent:g} % of the orders are taken to be held for review."


def _of_waits(estimate: Estimate) -> Iterator[str]:
    """What is assumed of Wait states."""
    waiting = [path for path in _all_paths(estimate.paths) if path.wait_seconds]
    for path in waiting:
        yield f"The Wait states of the path {path.name} last {path.wait_seconds:,} s."
    names = dict.fromkeys(name for one in _all_paths(estimate.paths) for name in one.unknown_waits)
    if names:
        yield (
            f"How long {_listed(names)} waits is known only when it runs: taken as 0 s, so an EXPRESS"
            " execution can cost more, or last too long."
        )


def _of_maps(estimate: Estimate) -> Iterator[str]:
    """What is assumed of Maps, and of the executions that are started."""
    volume: Volume = estimate.volume
    states = estimate.definition.states
    if any(state.type == "Map" and not state.is_distributed for state in states):
        yield f"An inline Map is taken to have {_count(volume.map_items, 'item')} an order."
    children = [one for path in estimate.paths for one in path.children]
    for one in dict.fromkeys((one.name, one.items) for one in children if one.assumed):
        yield (
            f"How many items a child of {one[0]} is given is known only when it runs: {one[1]:,} are"
            " assumed, and fewer mean more children."
        )
    if children:
        yield f"The workflow is taken to run {_count(volume.runs, 'time')} a month."
        yield "Each item of the distributed Map is an order."
    if any(state.starts_execution for state in states):
        yield "Executions of other workflows that it starts are priced by their definitions."


def _of_loops(paths: list[Path]) -> Iterator[str]:
    """What is assumed of loops."""
    rounds = dict.fromkeys(one for path in _all_paths(paths) for one in path.rounds)
    for one in rounds:
        yield _repeated(one)
    for path in _all_paths(paths):
        if path.loops_at:
            yield f"The path {path.name} comes back to {path.loops_at} and was left there."


def _repeated(one: Round) -> str:
    waiting = f" and {one.wait_seconds:,} s of waiting" if one.wait_seconds else ""
    return (
        f"The loop {_listed(dict.fromkeys(one.states))} is taken to be left at the first time: each"
        f" round more adds at least {_count(len(one.states), 'transition')}{waiting}."
    )


def _all_paths(paths: list[Path]) -> Iterator[Path]:
    """The paths, and those of the children that they start, at any depth."""
    waiting = list(reversed(paths))
    while waiting:
        path = waiting.pop()
        yield path
        waiting += [one.path for one in reversed(path.children)]


def _listed(names: dict[str, None]) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (", ..." if len(names) > _SHOWN else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
