"""SQS's standard queues: at least once, any order, visibility, dead letters, and its known faults."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import re
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.fake_aws.errors import AwsError
from tests.fake_aws.faults import drawn
from tests.fake_aws.journal import fingerprint
from tests.fake_aws.world import ACCOUNT, World

MAX_BODY = 1_048_576
MAX_VISIBILITY = 43_200
_REFUSED = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "MaximumMessageSize": str(MAX_BODY),
}


@dataclass
class QueueFaults:
    """What a queue does to its messages beyond the plain promise."""

    copies: tuple[int, int] = (1, 1)  # each message is delivered so many times, deleted or not
    reorder: bool = False
    returns: int = 0  # a deleted message comes back so many times
    return_after: float = 0.0  # seconds
    stale_deletes: float = 0.0  # this share of the deletes "succeeds" without deleting
    failed_deletes: float = 0.0  # this share of the entries of DeleteMessageBatch is refused
    visibility: float | None = None  # seconds, whatever the caller or the queue asks for

    def planned(self) -> list[str]:
        """The names of the options that are on."""
        plain = QueueFaults()
        return [name for name in vars(self) if getattr(self, name) != getattr(plain, name)]


@dataclass
class Copy:
    """One copy of a message; duplicates are copies with the same message id."""

    message_id: str
    body: str
    number: int
    token: str  # the fingerprint of the task token in the body, or empty
    sent_at: float
    attributes: dict[str, Any]
    source: str = ""  # the ARN of the queue it was moved from
    visible_at: float = 0.0
    receives: int = 0
    first_received: float = 0.0
    received_at: float = 0.0
    handle: str = ""  # the latest receipt handle; older ones are stale
    waiting: bool = False  # stands in the queue's line, not in flight
    deleted: bool = False
    returns: int = 0

    def md5(self) -> str:
        """MD5 of the body, as SQS shows it."""
        return hashlib.md5(self.body.encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324


class Queue:
    """One queue. The caller holds the world's lock."""

    def __init__(self, world: World, name: str, region: str, attributes: dict[str, str]) -> None:
        self.world, self.name, self.region = world, name, region
        self.attributes = {**DEFAULTS, **attributes}
        self.created = world.now()
        self.faults = QueueFaults()
        self.fired: Counter[str] = Counter()
        self.arrived = threading.Condition(world.lock)
        self.long_polls = 0  # calls that wait for a message now
        self.handles: dict[str, Copy] = {}
        self.dead_letters: Queue | None = None
        self._line: deque[Copy] = deque()
        self._hidden: list[tuple[float, int, Copy]] = []
        self._numbers = itertools.count()
        self._sent = 0

    @property
    def url(self) -> str:
        """The queue's URL for boto3; only the path counts."""
        return f"{self.world.endpoint}/{ACCOUNT}/{self.name}"

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{self.name}"

    def send(
        self, body: str, *, delay: float = 0.0, attributes: dict[str, Any] | None = None
    ) -> Copy:
        """Put a message on the queue, in as many copies as its faults demand; returns the first."""
        self._sent += 1
        message_id = self.world.uuid_for("message", self.name, self._sent)
        fewest, most = self.faults.copies
        copies = fewest + int(drawn(self.world.seed, message_id) * (most - fewest + 1))
        token = _token_in(body)
        now = self.world.now()
        made = [
            Copy(message_id, body, number, token, now, attributes or {})
            for number in range(max(1, copies))
        ]
        for copy in made:
            copy.returns = self.faults.returns
            self._place(copy, now + delay)
        self._note("SendMessage", made[0], digest=_sha256(body), copies=len(made))
        return made[0]

    def receive(self, most: int, visibility: float) -> list[Copy]:
        """Hand out up to `most` visible copies for `visibility` seconds, each with a new handle."""
        now = self.world.now()
        self._surface(now)
        if self.faults.visibility is not None:
            visibility, self.fired["visibility"] = self.faults.visibility, 1
        taken: list[Copy] = []
        while self._line and len(taken) < most:
            copy = self._next_in_line()
            if copy.deleted or self._expired(copy, now) or self._buried(copy):
                continue
            copy.receives += 1
            copy.received_at, copy.waiting = now, False
            copy.first_received = copy.first_received or now
            copy.handle = self._new_handle(copy)
            self._hide(copy, now + visibility)
            self.fired["copies"] += copy.number > 0
            self._note("ReceiveMessage", copy, receive_count=copy.receives)
            taken.append(copy)
        return taken

    def delete(self, handle: str, received: float) -> None:
        """Delete by the latest handle; an older one "succeeds" without deleting.

        Raises AwsError for a handle this queue never gave.
        """
        copy = self._by_handle(handle)
        if copy.deleted or copy.handle != handle:
            self._fault("DeleteMessage", copy, "stale_handle")
            return
        if drawn(self.world.seed, "stale", handle) < self.faults.stale_deletes:
            self.fired["stale_deletes"] += 1
            self._fault("DeleteMessage", copy, "stale_deletes")
            return
        copy.deleted = True
        self._note("DeleteMessage", copy, received=received)
        if copy.returns:
            self.fired["returns"] += 1
            self._fault("DeleteMessage", copy, "returns")
            again = Copy(**{**vars(copy), "deleted": False, "returns": copy.returns - 1})
            self._place(again, self.world.now() + self.faults.return_after)

    def refuses_delete(self, handle: str) -> bool:
        """Whether this entry of a DeleteMessageBatch is among the Failed."""
        refused = drawn(self.world.seed, "failed", handle) < self.faults.failed_deletes
        self.fired["failed_deletes"] += refused
        return refused

    def change_visibility(self, handle: str, seconds: int) -> None:
        """Show a copy in flight again in so many seconds. Raises AwsError where SQS would."""
        copy, now = self._by_handle(handle), self.world.now()
        self._surface(now)
        if copy.deleted or copy.waiting or copy.handle != handle:
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        if now + seconds > copy.received_at + MAX_VISIBILITY:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise AwsError("InvalidParameterValue", f"Value {seconds} is invalid. Reason: {reason}")
        self._hide(copy, now + seconds)

    def wait_for_arrival(self, seconds: float) -> None:
        """Wait until something arrives, or for so many seconds; the lock is free meanwhile."""
        self.long_polls += 1
        try:
            self.arrived.wait(seconds)
        finally:
            self.long_polls -= 1

    def next_due(self) -> float:
        """Seconds until a hidden copy may show itself; a second where there is none."""
        return max(0.0, self._hidden[0][0] - self.world.now()) if self._hidden else 1.0

    def purge(self) -> None:
        """Delete everything."""
        for copy in self.copies():
            copy.deleted = True
            self._note("PurgeQueue", copy)

    def copies(self) -> list[Copy]:
        """The copies that are still there: those in the line first, then those hidden."""
        self._surface(self.world.now())
        hidden = {id(copy): copy for _, _, copy in self._hidden if not copy.waiting}
        return [copy for copy in [*self._line, *hidden.values()] if not copy.deleted]

    def _new_handle(self, copy: Copy) -> str:
        parts = (
            "handle",
            self.name,
            copy.message_id,
            copy.number,
            copy.receives,
            next(self._numbers),
        )
        handle = self.world.bytes_for(48, *parts).hex()
        self.handles[handle] = copy
        return handle

    def _by_handle(self, handle: str) -> Copy:
        if handle not in self.handles:
            message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
            raise AwsError("ReceiptHandleIsInvalid", message)
        return self.handles[handle]

    def _place(self, copy: Copy, visible_at: float) -> None:
        copy.handle, copy.waiting = "", False
        self._hide(copy, visible_at)
        self._surface(self.world.now())
        self.arrived.notify_all()

    def _hide(self, copy: Copy, until: float) -> None:
        copy.visible_at = until
        heapq.heappush(self._hidden, (until, next(self._numbers), copy))
        if until <= self.world.now():
            self.arrived.notify_all()

    def _surface(self, now: float) -> None:
        while self._hidden and self._hidden[0][0] <= now:
            due, _, copy = heapq.heappop(self._hidden)
            if due == copy.visible_at and not copy.waiting and not copy.deleted:
                copy.waiting = True
                self._line.append(copy)

    def _next_in_line(self) -> Copy:
        if self.faults.reorder and len(self._line) > 1:
            self.fired["reorder"] += 1
            place = drawn(self.world.seed, "reorder", self.name, next(self._numbers))
            self._line.rotate(-int(place * min(len(self._line), 500)))
        return self._line.popleft()

    def _expired(self, copy: Copy, now: float) -> bool:
        copy.deleted = now - copy.sent_at > float(self.attributes["MessageRetentionPeriod"])
        if copy.deleted:
            self._note("MessageExpired", copy)
        return copy.deleted

    def _buried(self, copy: Copy) -> bool:
        """Move a copy that was received too often to the dead-letter queue."""
        policy = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        if self.dead_letters is None or copy.receives < int(policy["maxReceiveCount"]):
            return False
        copy.deleted = True
        self._note("DeadLetter", copy, to=self.dead_letters.name)
        moved = Copy(**{**vars(copy), "deleted": False, "receives": 0, "source": self.arn})
        self.dead_letters._place(moved, self.world.now())
        return True

    def _note(self, op: str, copy: Copy, **fields: Any) -> None:
        self.world.journal.write("effect", op, **self._about(copy), applied=True, **fields)

    def _fault(self, op: str, copy: Copy, fault: str) -> None:
        self.world.journal.write("fault", op, **self._about(copy), fault=fault)

    def _about(self, copy: Copy) -> dict[str, Any]:
        about = {"queue": self.name, "message_id": copy.message_id, "copy": copy.number}
        return {**about, "token": copy.token or None}


class Queues:
    """All queues of the account; a name is unique in all regions, as the URL does not tell one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_name: dict[str, Queue] = {}

    def create(self, name: str, region: str, attributes: dict[str, str]) -> Queue:
        """The queue of this name, made if need be. Raises AwsError where SQS would."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
            reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            raise AwsError("InvalidParameterValue", reason)
        queue = self.by_name.get(name)
        if queue is None:
            queue = self.by_name[name] = Queue(self.world, name, region, {})
            self.set(queue, attributes)
        elif queue.region != region or any(
            queue.attributes.get(key) != value for key, value in attributes.items()
        ):
            raise AwsError("QueueNameExists", "A queue already exists with the same name.")
        return queue

    def set(self, queue: Queue, attributes: dict[str, str]) -> None:
        """Set attributes; a RedrivePolicy must name an existing queue. Raises AwsError."""
        dead = queue.dead_letters
        if "RedrivePolicy" in attributes:
            policy = json.loads(attributes["RedrivePolicy"] or "{}")
            dead = self.by_name.get(str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2])
            if policy and (dead is None or int(policy.get("maxReceiveCount", 0)) < 1):
                raise AwsError(
                    "InvalidParameterValue", "Value for parameter RedrivePolicy is invalid."
                )
        queue.dead_letters = dead
        queue.attributes.update({key: str(value) for key, value in attributes.items()})

    def at(self, url: str, region: str = "") -> Queue:
        """The queue of a URL, in this region if one is given. Raises AwsError if there is none."""
        queue = self.by_name.get(urlsplit(url).path.rpartition("/")[2])
        if queue is None or (region and queue.region != region):
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        return queue


def check_body(body: str, most: int = MAX_BODY) -> None:
    """Refuse what SQS refuses as a message. Raises AwsError."""
    if not body:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _REFUSED.search(body):
        raise AwsError(
            "InvalidMessageContents", "The message contains characters outside the allowed set."
        )
    if len(body.encode()) > most:
        reason = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        raise AwsError("InvalidParameterValue", reason)


def _token_in(body: str) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    token = document.get("taskToken") if isinstance(document, dict) else None
    return fingerprint(token) if isinstance(token, str) else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
