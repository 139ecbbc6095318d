"""The load generator, a process of its own: threads with kept-alive connections of http.client.

`python -m tests.bench.load` reads a plan as JSON from standard input and writes what happened as JSON.
Modes: `closed` (each thread sends its next request when the last one is answered), `rate` (request k
starts at k / rate seconds), `reviewers` (each thread is a person who claims the next review or decides
the claimed one, one action each `every` seconds).
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any


class Client:
    """One connection, and the durations of its requests in ms."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.connection = http.client.HTTPConnection("127.0.0.1", plan["port"], timeout=60)
        self.durations: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.claimed: list[str] = []

    def send(self, method: str, path: str, headers: dict[str, str], text: str | None) -> Any:
        """Send one request and read the whole answer; returns its body."""
        headers = self.plan["headers"] | headers
        if text is not None:
            headers["Content-Type"] = "application/json"
        began = time.perf_counter()
        try:
            self.connection.request(method, path, text, headers)
            response = self.connection.getresponse()
            body = response.read()
            status = str(response.status)
        except (http.client.HTTPException, OSError) as error:
            self.connection.close()
            body, status = b"", type(error).__name__
        self.durations.append((time.perf_counter() - began) * 1000)
        self.statuses[status] += 1
        return body


def closed(plan: dict[str, Any]) -> Callable[[Client, int], None]:
    """Each thread takes the next request as soon as it is free, until none is left or time is up."""
    left = iter(plan["requests"]) if not plan.get("seconds") else itertools.cycle(plan["requests"])
    lock = threading.Lock()
    until = time.monotonic() + plan.get("seconds", 3600)

    def work(client: Client, _: int) -> None:
        while time.monotonic() < until:
            with lock:
                request = next(left, None)
            if request is None:
                return
            client.send(*request)

    return work


def rate(plan: dict[str, Any]) -> Callable[[Client, int], None]:
    """Request k is sent at k / rate seconds, whatever became of those before it."""
    left = iter(enumerate(plan["requests"]))
    lock = threading.Lock()
    began = time.monotonic()

    def work(client: Client, _: int) -> None:
        while True:
            with lock:
                number, request = next(left, (0, None))
            if request is None:
                return
            time.sleep(max(0.0, began + number / plan["rate"] - time.monotonic()))
            client.send(*request)

    return work


def reviewers(plan: dict[str, Any]) -> Callable[[Client, int], None]:
    """Claim, decide, claim, ...: one action each `every` seconds; durations are those of claims."""
    until = time.monotonic() + plan["seconds"]

    def work(client: Client, number: int) -> None:
        headers, every = plan["people"][number], plan["every"]
        chance = random.Random(number)
        at = time.monotonic() + chance.uniform(0, every)
        claimed = ""
        while at < until:
            time.sleep(max(0.0, at - time.monotonic()))
            if claimed:
                path = f"/api/v1/reviews/{claimed}/decisions/"
                client.send("POST", path, headers, '{"outcome": "approved"}')
                client.durations.pop()
                claimed = ""
            else:
                body = client.send("POST", plan["claim"], headers, "{}")
                claimed = json.loads(body)["id"] if body.startswith(b'{"id"') else ""
                client.claimed += [claimed] if claimed else []
            at += every * chance.uniform(0.9, 1.1)

    return work


def main() -> None:
    """Carry out the plan."""
    plan = json.load(sys.stdin)
    clients = [Client(plan) for _ in range(plan["threads"])]
    work = {"closed": closed, "rate": rate, "reviewers": reviewers}[plan["mode"]](plan)
    threads = [
        threading.Thread(target=work, args=(client, number))
        for number, client in enumerate(clients)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = {
        "seconds": time.perf_counter() - began,
        "durations": [d for client in clients for d in client.durations],
        "statuses": dict(sum((client.statuses for client in clients), Counter())),
        "claimed": [each for client in clients for each in client.claimed],
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
