"""What every attack has: what it planned, what it did, what it broke; and hostile clients of the web."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.abuse.campaign.service import Service
from tests.bench.processes import HEADERS

AT_ONCE = (
    5.0  # seconds of one request, on a machine that others use too; it was 10 and more, or never
)
THREADS = 8


@dataclass
class Attack:
    """One attack. `breaches` are sentences; none is the promise."""

    name: str
    planned: int = 0
    happened: int = 0
    breaches: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def expect(self, holds: object, breach: str) -> None:
        """Note a breach unless something holds."""
        if not holds:
            self.breaches.append(breach)


@dataclass(frozen=True)
class Answer:
    """A response; status 0 if there was none, then `body` says why."""

    status: int
    body: bytes
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    cookies: tuple[str, ...] = ()


def ask(
    service: Service,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
    *,
    port: int = 0,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port or service.web.port, timeout=60)
    began = time.monotonic()
    try:
        connection.request(method, path, body, {**HEADERS, **(headers or {})})
        response = connection.getresponse()
        read = response.read()
        took = time.monotonic() - began
        cookies = tuple(response.headers.get_all("Set-Cookie") or ())
        return Answer(
            response.status,
            read,
            took,
            {name.lower(): value for name, value in response.getheaders()},
            cookies,
        )
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, type(error).__name__.encode(), time.monotonic() - began)
    finally:
        connection.close()


def page(service: Service, name: str, path: str) -> Answer:
    """Open a page with the session of a person."""
    return ask(service, "GET", path, {"Cookie": service.people[name]["cookie"]})


def together(calls: Sequence[Callable[[], Answer]], threads: int = THREADS) -> list[Answer]:
    """The answers to requests that several clients send, in their order."""
    with ThreadPoolExecutor(threads) as clients:
        return [done.result() for done in [clients.submit(call) for call in calls]]


def judge(attack: Attack, answers: Sequence[Answer], what: str, *, seconds: float) -> int:
    """Each request was answered within so many seconds, and with no 5xx; returns how many there were."""
    statuses = Counter(answer.status for answer in answers)
    attack.notes[what] = {str(status): count for status, count in sorted(statuses.items())}
    bad = {status: count for status, count in statuses.items() if status == 0 or status >= 500}
    attack.expect(not bad, f"{what}: answers {bad}")
    slowest = max((answer.seconds for answer in answers), default=0.0)
    attack.notes[f"{what}, slowest"] = f"{slowest:.1f} s"
    attack.expect(slowest < seconds, f"{what}: a request took {slowest:.1f} s")
    return len(answers)


@contextlib.contextmanager
def holding(service: Service, sent: bytes, count: int) -> Iterator[int]:
    """Hold so many connections open, each of which has sent this and says nothing more; yields how many are."""
    with contextlib.ExitStack() as stack:
        opened = 0
        for _ in range(count):
            with contextlib.suppress(OSError):
                line = socket.create_connection(("127.0.0.1", service.web.port), timeout=10)
                stack.enter_context(line)
                line.sendall(sent)
                opened += 1
        yield opened


def probes(attack: Attack, service: Service) -> None:
    """The probe is answered soon on both ports, whatever goes on."""
    for name, port in (("web", service.web.port), ("probe", service.probe_port)):
        answer = ask(service, "GET", "/healthz/live", port=port)
        attack.expect(
            answer.status == 200 and answer.seconds < service.patience,
            f"/healthz/live on the {name} port: {answer.status} after {answer.seconds:.1f} s",
        )


def taken_in(
    service: Service, messages: Sequence[str], seconds: float
) -> dict[str, tuple[str, str]]:
    """Wait until these SQS messages are stored; by message id whether each is a review, and where it is.

    Returns (`review` or `quarantine`, its id); messages that are nowhere after so long are missing.
    """
    found: dict[str, tuple[str, str]] = {}

    def look() -> bool:
        for table, end in (("reviewtask", "review"), ("quarantinedmessage", "quarantine")):
            query = f"SELECT sqs_message_id, id::text FROM approvals_{table} WHERE sqs_message_id = ANY(%s)"  # noqa: S608
            found.update((key, (end, row)) for key, row in service.rows(query, list(messages)))
        return len(found) == len(set(messages))

    wait(look, seconds)
    return found


def wait(look: Callable[[], object], seconds: float) -> bool:
    """Look every half second until the result is true, at most for so long; returns whether it was."""
    until = time.monotonic() + seconds
    while not look():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
