"""What all parts of the fake share: one lock, one clock, one journal, names drawn from a seed."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fake_aws.faults import Faults
from tests.fake_aws.journal import Journal

ACCOUNT = "123456789012"


@dataclass
class World:
    """Clock, journal, faults and seed of the account. All that reads or changes anything holds `lock`."""

    journal: Journal
    seed: int
    region: str
    faults: Faults = field(init=False)
    endpoint: str = ""
    offset: float = 0.0
    lock: threading.RLock = field(default_factory=threading.RLock)
    closing: threading.Event = field(default_factory=threading.Event)
    tick: Callable[[], None] = lambda: None  # lets deadlines that have passed take effect

    def __post_init__(self) -> None:
        self.faults = Faults(self.seed)

    def now(self) -> float:
        """The fake's clock in seconds since the epoch: the machine's, moved on by `advance`."""
        return time.time() + self.offset

    def bytes_for(self, size: int, *what: Any) -> bytes:
        """Bytes that depend on the seed and on `what` alone, so that a run can be repeated."""
        return hashlib.shake_256(repr((self.seed, *what)).encode()).digest(size)

    def uuid_for(self, *what: Any) -> str:
        """A UUID that depends on the seed and on `what` alone."""
        return str(uuid.UUID(bytes=self.bytes_for(16, *what), version=4))


@dataclass(frozen=True)
class Call:
    """One request as it came in; `digest` is the SHA-256 of its body's bytes, `received` real time."""

    service: str  # sqs or states
    op: str
    arguments: dict[str, Any]
    region: str
    digest: str
    received: float
    request_id: str


def iso(seconds: float) -> str:
    """A time as AWS writes it into messages: UTC, milliseconds, a Z."""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
