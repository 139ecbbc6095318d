"""AWS's quota of heartbeats, and the part of it that we allow ourselves: all processes together."""

from __future__ import annotations

# Calls of SendTaskHeartbeat a second by account and region, sustained (Step Functions service quotas).
QUOTAS = {"us-east-1": 500, "us-west-2": 500, "eu-west-1": 500}
QUOTA_ELSEWHERE = 300
OUR_SHARE = 0.5  # the other half is for answers, and for whoever else beats in that account
BEATS_A_LIFE = 3  # two may be lost, and the token lives


def beats_a_second(region: str) -> float:
    """How many heartbeats a second we call in a region at most."""
    return QUOTAS.get(region, QUOTA_ELSEWHERE) * OUR_SHARE


def beat_interval(heartbeat_seconds: int) -> float:
    """Seconds from one beat of a token to the next."""
    return heartbeat_seconds / BEATS_A_LIFE


def tokens_kept_alive(region: str, heartbeat_seconds: int) -> int:
    """How many open tokens with this HeartbeatSeconds our share of the quota keeps alive."""
    return int(beats_a_second(region) * beat_interval(heartbeat_seconds))
