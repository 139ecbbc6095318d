"""AWS service quotas, and the share of each that all processes of this service together use."""

from __future__ import annotations

# Calls of SendTaskHeartbeat a second by account and region, sustained (Step Functions service quotas).
QUOTAS = {"us-east-1": 500, "us-west-2": 500, "eu-west-1": 500}
QUOTA_ELSEWHERE = 300
# Calls of StartExecution a second, sustained, and at once from a full bucket (Standard workflows).
STARTS = {"us-east-1": (300, 1300), "us-west-2": (300, 1300), "eu-west-1": (300, 1300)}
STARTS_ELSEWHERE = (150, 800)
SHARE_OF_STARTS = 0.8  # the rest is for other callers in that account
OUR_SHARE = 0.5  # the other half is for SendTaskSuccess and for other callers in that account
BEATS_PER_TIMEOUT = 3  # two heartbeats in a row may be lost, and the token stays open


def beats_a_second(region: str) -> float:
    """The most heartbeats a second that this service sends in a region."""
    return QUOTAS.get(region, QUOTA_ELSEWHERE) * OUR_SHARE


def starts(region: str, per_second: float = 0) -> tuple[float, float]:
    """The most executions that this service starts in a region: sustained a second, and at once.

    `per_second` is the quota of the account, if AWS has changed it; 0 means the default.
    """
    usual, burst = STARTS.get(region, STARTS_ELSEWHERE)
    if per_second:
        return per_second * SHARE_OF_STARTS, max(1.0, per_second * SHARE_OF_STARTS)
    return usual * SHARE_OF_STARTS, burst * SHARE_OF_STARTS


def beat_interval(heartbeat_seconds: int) -> float:
    """Seconds from one heartbeat of a token to the next."""
    return heartbeat_seconds / BEATS_PER_TIMEOUT


def tokens_kept_alive(region: str, heartbeat_seconds: int) -> int:
    """How many open tokens with this HeartbeatSeconds the share of the quota keeps alive."""
    return int(beats_a_second(region) * beat_interval(heartbeat_seconds))
