"""The honest sender and reviewer, a process of their own: `python -m tests.abuse.campaign.honest`.

It reads a plan as JSON from the first line of standard input, works until a second line comes, and writes what it
measured as JSON. Two people, each with their own session and token, go through the same round: an order is
started and waits for its review; the reviewer looks at the queue's page and the review's page, claims, decides,
and waits until it is delivered. One works in a queue that nobody attacks, the other in the one that is attacked.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.fake_aws import Remote

LOOK = 0.2  # seconds between two looks whether a review is there, or delivered
PATIENCE = 300.0  # seconds for one round; an attack may send thousands of messages before ours


@dataclass
class Measured:
    """Requests as [kind, began at (s since 1970), seconds, status], orders with what became of them."""

    samples: list[tuple[str, float, float, int]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


class Person:
    """One round after the other, on one connection."""

    def __init__(self, plan: dict[str, Any], queue: str, stop: threading.Event) -> None:
        self.plan, self.queue, self.stop = plan, queue, stop
        person = plan["people"][queue]
        self.cookie, self.bearer = person["cookie"], f"Bearer {person['token']}"
        self.measured = Measured()
        self.connection = http.client.HTTPConnection("127.0.0.1", plan["port"], timeout=60)
        self.aws = Remote(plan["aws"])

    def work(self) -> None:
        """Rounds until the stop; a round that was begun is ended."""
        for number in itertools.count(1):
            if self.stop.is_set():
                return
            began = time.time()
            try:
                self.round(f"H-{self.queue}-{number}")
            except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
                self.connection.close()
                self.measured.troubles.append(
                    f"{self.queue} {number}: {type(error).__name__} {error}"[:200]
                )
            self.stop.wait(max(0.0, began + self.plan["every"] - time.time()))

    def round(self, order: str) -> None:
        """Start an order, and decide its review."""
        machine = self.plan["machines"][self.queue]
        about: dict[str, Any] = {"order": order, "queue": self.queue}
        self.measured.orders.append(about)
        began = time.time()
        about["execution"] = self.aws.start(machine, order, {"order_id": order, "total": 12.5})
        review = self._awaited(f"/api/v1/reviews/?reference={order}&queue={self.queue}", _first)
        self._note("arrival", began, 200)
        about["review"] = review["id"]
        self.page("queue page", f"/queues/{self.queue}/")
        self.page("review page", f"/reviews/{review['id']}/")
        path = f"/api/v1/reviews/{review['id']}/"
        self.api("claim", "POST", f"{path}claim/", {})
        began = time.time()
        decided = self.api(
            "decide", "POST", f"{path}decisions/", {"outcome": "approved", "reason": "Fine."}
        )
        about["decision"] = decided["decision"]["id"]
        self._awaited(path, _delivered)
        self._note("delivery", began, 200)
        about["delivered"] = True

    def page(self, kind: str, path: str) -> None:
        """Open a page with the session."""
        self._timed(kind, "GET", path, {"Cookie": self.cookie}, None)

    def api(self, kind: str, method: str, path: str, body: Any = None) -> Any:
        """Ask the API. Raises ValueError for a refusal."""
        text = None if body is None else json.dumps(body)
        answer = self._timed(kind, method, path, {"Authorization": self.bearer}, text)
        return json.loads(answer)

    def _awaited(self, path: str, found: Any) -> Any:
        until = time.time() + PATIENCE
        while time.time() < until:
            answer = found(self.api("read", "GET", path))
            if answer:
                return answer
            time.sleep(LOOK)
        raise LookupError(f"nothing after {PATIENCE:.0f} s: {path}")

    def _timed(
        self, kind: str, method: str, path: str, headers: dict[str, str], text: str | None
    ) -> bytes:
        headers = {**self.plan["headers"], "Content-Type": "application/json", **headers}
        began = time.time()
        self.connection.request(method, path, text, headers)
        response = self.connection.getresponse()
        body = response.read()
        self._note(kind, began, response.status)
        if response.status not in (200, 201):
            raise ValueError(f"{method} {path}: {response.status} {body[:100]!r}")
        return body

    def _note(self, kind: str, began: float, status: int) -> None:
        name = f"{self.queue}: {kind}"
        self.measured.samples.append((name, began, time.time() - began, status))


def _first(page: dict[str, Any]) -> Any:
    return next(iter(page["results"]), None)


def _delivered(review: dict[str, Any]) -> Any:
    return review["delivery"]["state"] == "delivered" and review


def main() -> None:
    """Work until the second line of standard input."""
    plan = json.loads(sys.stdin.readline())
    stop = threading.Event()
    people = [Person(plan, queue, stop) for queue in plan["people"]]
    threads = [threading.Thread(target=person.work) for person in people]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    together = Measured()
    for person in people:
        for name, values in asdict(person.measured).items():
            getattr(together, name).extend(values)
    json.dump(asdict(together), sys.stdout)


if __name__ == "__main__":
    main()
