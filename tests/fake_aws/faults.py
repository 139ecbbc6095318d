"""What goes wrong, when: planned ahead, drawn by a seed, or switched on; and what never happened."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from tests.fake_aws.errors import AwsError
from tests.fake_aws.journal import fingerprint


class Fault(StrEnum):
    """One thing that goes wrong with one call."""

    LOSE_REPLY_BEFORE_APPLY = "lost_before"  # closed without an answer, nothing happened
    LOSE_REPLY_AFTER_APPLY = "lost_after"  # closed without an answer, it did happen
    CONNECTION_RESET = "connection_reset"  # RST instead of FIN, nothing happened
    CONNECTION_RESET_AFTER_APPLY = "connection_reset_after"
    STALLED = "stalled"  # silence for stall_seconds, THEN it happens, then an answer
    STALLED_AFTER_APPLY = (
        "stalled_after"  # it happens at once, the answer comes after stall_seconds
    )
    SERVER_ERROR = "server_error"  # 500, nothing happened
    SERVER_ERROR_AFTER_APPLY = "server_error_after_apply"
    UNAVAILABLE = "unavailable"  # 503, nothing happened
    THROTTLED = "throttled"
    KMS_THROTTLED = "kms_throttled"
    ACCESS_DENIED = "access_denied"
    EXPIRED_CREDENTIALS = "expired_credentials"
    TOKEN_EXPIRES = "token_expires"  # just before the call is handled
    EXECUTION_ABORTS = "execution_aborts"  # just before the call is handled
    OTHER_PARTY = "other_party"  # somebody else answers the token just before the call is handled
    NONE = "none"  # a place in a plan where the call goes through


APPLIED_FIRST = {
    Fault.LOSE_REPLY_AFTER_APPLY,
    Fault.CONNECTION_RESET_AFTER_APPLY,
    Fault.STALLED_AFTER_APPLY,
    Fault.SERVER_ERROR_AFTER_APPLY,
}
LOST = {
    Fault.LOSE_REPLY_BEFORE_APPLY,
    Fault.LOSE_REPLY_AFTER_APPLY,
    Fault.CONNECTION_RESET,
    Fault.CONNECTION_RESET_AFTER_APPLY,
}
RESET = {Fault.CONNECTION_RESET, Fault.CONNECTION_RESET_AFTER_APPLY}
OF_THE_TASK = {Fault.TOKEN_EXPIRES, Fault.EXECUTION_ABORTS, Fault.OTHER_PARTY}

_BROKEN = AwsError("InternalServerError", "We encountered an internal error.", 500)
_ERRORS = {
    Fault.SERVER_ERROR: _BROKEN,
    Fault.SERVER_ERROR_AFTER_APPLY: _BROKEN,
    Fault.UNAVAILABLE: AwsError("ServiceUnavailable", "Service is unavailable.", 503),
    Fault.THROTTLED: AwsError("ThrottlingException", "Rate exceeded"),
    Fault.KMS_THROTTLED: AwsError("KmsThrottlingException", "Rate exceeded (KMS)"),
    Fault.EXPIRED_CREDENTIALS: AwsError(
        "ExpiredTokenException", "The security token included in the request is expired"
    ),
}


def error_of(fault: Fault, service: str, op: str) -> AwsError | None:
    """The error answer a fault makes, or None for faults that are no answer."""
    if fault == Fault.ACCESS_DENIED:
        who = "arn:aws:sts::123456789012:assumed-role/countersign/test"
        what = f"User: {who} is not authorized to perform: {service}:{op}"
        return AwsError(
            "AccessDeniedException", f"{what} because no identity-based policy allows it"
        )
    if fault == Fault.THROTTLED and service == "sqs":
        return AwsError("RequestThrottled", "Rate exceeded")
    return _ERRORS.get(fault)


def drawn(*what: Any) -> float:
    """A number in [0, 1) that depends on nothing but its arguments: the same in any interleaving."""
    digest = hashlib.blake2b(repr(what).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass
class _Plan:
    pattern: str
    token: str  # a fingerprint, or empty
    left: deque[Fault]
    stall_seconds: float


@dataclass
class _Rate:
    pattern: str
    rates: dict[Fault, float]
    stall_seconds: float
    fired: Counter[Fault] = field(default_factory=Counter)


@dataclass
class _Bucket:
    """AWS's throttle: `capacity` calls at once, refilled with so many a second."""

    pattern: str
    capacity: float
    per_second: float
    left: float
    filled_at: float
    refused: int = 0

    def take(self) -> bool:
        now = time.monotonic()
        more = (now - self.filled_at) * self.per_second
        self.left, self.filled_at = min(self.capacity, self.left + more), now
        if self.left < 1:
            self.refused += 1
            return False
        self.left -= 1
        return True


class Faults:
    """All plans; `choose` picks the one fault of a call. The caller holds the account's lock.

    A switch outranks a bucket, a bucket a token's plan, that one an operation's plan, that one a rate.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._switches: dict[str, tuple[Fault, float]] = {}
        self._switched: Counter[str] = Counter()
        self._buckets: list[_Bucket] = []
        self._plans: list[_Plan] = []
        self._plans_of_tokens: dict[str, list[_Plan]] = {}
        self._rates: list[_Rate] = []
        self._asked: Counter[tuple[str, str]] = Counter()
        self._in_vain: list[dict[str, Any]] = []
        self.fired: Counter[tuple[str, Fault]] = Counter()

    def plan(self, pattern: str, faults: Iterable[str], token: str, stall_seconds: float) -> None:
        """Let the next calls of matching operations, or only those of a token, meet these faults."""
        plan = _Plan(pattern, fingerprint(token), deque(map(Fault, faults)), stall_seconds)
        if token:
            self._plans_of_tokens.setdefault(plan.token, []).append(plan)
        else:
            self._plans.append(plan)

    def rates(self, pattern: str, rates: dict[str, float], stall_seconds: float) -> None:
        """Replace the seeded rates of a pattern; raises ValueError for an unknown fault or a sum over 1."""
        known = {Fault(name): rate for name, rate in rates.items()}
        if sum(known.values()) > 1 or min(known.values(), default=0) < 0:
            raise ValueError("rates are shares of the calls: none below 0, in sum at most 1")
        self._rates = [rate for rate in self._rates if rate.pattern != pattern]
        if known:
            self._rates.append(_Rate(pattern, known, stall_seconds))

    def switch(self, pattern: str, fault: str | None, stall_seconds: float) -> None:
        """Let every matching call meet this fault until it is switched off with None."""
        if fault is None:
            self._switches.pop(pattern, None)
        else:
            self._switches[pattern] = (Fault(fault), stall_seconds)
            self._switched[pattern] = 0

    def bucket(self, pattern: str, capacity: float, per_second: float) -> None:
        """Throttle matching operations together; a capacity of 0 takes the bucket away."""
        self._buckets = [bucket for bucket in self._buckets if bucket.pattern != pattern]
        if capacity:
            now = time.monotonic()
            self._buckets.append(_Bucket(pattern, capacity, per_second, capacity, now))

    def choose(self, op: str, token: str, key: str) -> tuple[Fault, float]:
        """The fault of this call and its stall in seconds; `key` names what the call is about."""
        fault, stall = (
            self._by_switch(op)
            or self._by_bucket(op)
            or self._by_plan(op, self._plans_of_tokens.get(token, []))
            or self._by_plan(op, self._plans)
            or self._by_rate(op, key)
            or (Fault.NONE, 0.0)
        )
        if fault != Fault.NONE:
            self.fired[op, fault] += 1
        return fault, stall

    def take_back(self, op: str, fault: Fault, token: str) -> None:
        """Count a chosen fault as not fired: the task it was meant for had already ended."""
        self.fired[op, fault] -= 1
        row = {"kind": "in vain", "operation": op, "token": token, "fault": str(fault)}
        self._in_vain.append(row)

    def _by_switch(self, op: str) -> tuple[Fault, float] | None:
        for pattern, switched in self._switches.items():
            if fnmatchcase(op, pattern):
                self._switched[pattern] += 1
                return switched
        return None

    def _by_bucket(self, op: str) -> tuple[Fault, float] | None:
        for bucket in self._buckets:
            if fnmatchcase(op, bucket.pattern) and not bucket.take():
                return Fault.THROTTLED, 0.0
        return None

    def _by_plan(self, op: str, plans: list[_Plan]) -> tuple[Fault, float] | None:
        for plan in plans:
            if plan.left and fnmatchcase(op, plan.pattern):
                return plan.left.popleft(), plan.stall_seconds
        return None

    def _by_rate(self, op: str, key: str) -> tuple[Fault, float] | None:
        for rate in self._rates:
            if not fnmatchcase(op, rate.pattern):
                continue
            self._asked[op, key] += 1
            place = drawn(self._seed, op, key, self._asked[op, key])
            for fault, share in rate.rates.items():
                if place < share:
                    rate.fired[fault] += 1
                    return fault, rate.stall_seconds
                place -= share
        return None

    def unfired(self) -> list[dict[str, Any]]:
        """What was planned and has not happened: places in plans, rates and switches without a hit.

        `in vain` are faults of a task that found its token closed already.
        """
        plans = [*self._plans, *(p for plans in self._plans_of_tokens.values() for p in plans)]
        waiting = [
            {"kind": "plan", "operation": plan.pattern, "token": plan.token, "fault": str(fault)}
            for plan in plans
            for fault in plan.left
            if fault != Fault.NONE
        ]
        never = [
            {"kind": "rate", "operation": rate.pattern, "token": "", "fault": str(fault)}
            for rate in self._rates
            for fault, share in rate.rates.items()
            if share and not rate.fired[fault]
        ]
        unused = [
            {"kind": "switch", "operation": pattern, "token": "", "fault": str(fault)}
            for pattern, (fault, _) in self._switches.items()
            if not self._switched[pattern]
        ]
        full = [
            {"kind": "bucket", "operation": b.pattern, "token": "", "fault": str(Fault.THROTTLED)}
            for b in self._buckets
            if not b.refused
        ]
        return waiting + never + unused + full + self._in_vain
