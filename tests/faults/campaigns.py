"""The campaigns by name, and how one is run: on a stage of its own, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import (
    bulk,
    deliveries,
    kills,
    races,
    restarts,
    sabotage,
    starts,
    storms,
    sweeping,
)
from tests.faults.report import Result
from tests.faults.stage import Stage, opened

Campaign = Callable[[Stage, float], Result]

SABOTAGE = "sabotage"
CAMPAIGNS: dict[str, Campaign | None] = {
    "line-kills": kills.campaign,
    "duplicates": storms.campaign,
    "races": races.campaign,
    "step-functions": deliveries.step_functions,
    "late-senders": deliveries.late_senders,
    "undo-races": deliveries.undo_races,
    "hints": deliveries.send_wake_ups,
    "executions": starts.campaign,
    "restarts": restarts.campaign,
    "sweeper": sweeping.campaign,
    "bulk": bulk.campaign,
    SABOTAGE: None,  # opens a stage for each of its own
}


def run(name: str, scale: float, seed: int, folder: Path, only: list[str] | None) -> Result:
    """Run a campaign on a fresh stage; the result has its duration."""
    began = time.monotonic()
    result = _run(name, scale, seed, folder, only)
    result.seconds = time.monotonic() - began
    return result


def _run(name: str, scale: float, seed: int, folder: Path, only: list[str] | None) -> Result:
    campaign = CAMPAIGNS[name]
    if campaign is None:
        return sabotage.campaign(seed, folder, only)
    with opened(name, seed, folder) as stage:
        if campaign is kills.campaign:
            return kills.campaign(stage, scale, only)
        return campaign(stage, scale)
