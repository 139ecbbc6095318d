"""Executions whose definitions are hard to draw: a worker lays them out while people open their pages."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from tests.abuse.campaign.attack import Answer, Attack, ask, judge, page, probes, together, wait
from tests.abuse.campaign.service import Service

LARGEST_PAGE = 1_500_000  # bytes
# Seconds from the first page until the layout is stored: a wake-up may be refused its share of the calls to AWS,
# and the worker's loop then takes the history up within 30.
TO_DRAW = 40.0
TOO_DENSE = b"too many transitions to be drawn"
NAMES = (
    "SELECT jsonb_array_length(drawing -> 'names'), drawing ? 'drawing'"
    " FROM approvals_workflow WHERE revision = %s"
)


def dense(count: int) -> dict[str, Any]:
    """Choices each of which leads to every later state."""
    states = {
        f"c{n}": {"Type": "Choice", "Choices": [{"Next": f"c{m}"} for m in range(n + 1, count)]}
        for n in range(count)
    }
    return {"StartAt": "c0", "States": states}


def nested(levels: int) -> dict[str, Any]:
    """Maps inside each other."""
    document: dict[str, Any] = {"StartAt": "m0", "States": {"m0": {"Type": "Succeed"}}}
    for level in range(1, levels):
        state = {"Type": "Map", "ItemProcessor": document, "End": True}
        document = {"StartAt": f"m{level}", "States": {f"m{level}": state}}
    return document


def caught(count: int) -> dict[str, Any]:
    """Tasks one after another with long names, whose errors all lead to the same state."""
    name = "n" * 70 + "{}"
    states: dict[str, Any] = {
        name.format(n): {
            "Type": "Task",
            "Next": name.format(n + 1),
            "Catch": [{"ErrorEquals": ["E" * 200], "Next": "end"}],
        }
        for n in range(count)
    }
    states |= {name.format(count): {"Type": "Succeed"}, "end": {"Type": "Fail"}}
    return {"StartAt": name.format(0), "States": states}


def doubled(count: int) -> dict[str, Any]:
    """Parallels with as many branches as fit, each of dense states."""
    branches = [dense(12) for _ in range(count)]
    return {
        "StartAt": "p",
        "States": {"p": {"Type": "Parallel", "Branches": branches, "End": True}},
    }


# What each is, how many names are kept (300 states at most, 12 machines inside each other), whether it is drawn.
BOMBS: dict[str, tuple[dict[str, Any], int, bool]] = {
    "dense": (dense(120), 120, False),
    "nested": (nested(280), 12, True),
    "caught": (caught(280), 282, False),
    "branches": (doubled(200), 300, False),
    "large": (dense(230), 230, False),
}


def open_graphs(service: Service, scale: float, seed: int) -> Attack:
    """Each page is answered at once, whether or not the graph is laid out, and shows the stored one later."""
    times = max(1, round(8 * scale))
    attack = Attack("graphs", planned=times * len(BOMBS))
    slowest = 0.0
    try:
        for number in range(times):
            for name in BOMBS:
                slowest = max(slowest, _one(service, attack, name, f"G-{seed}-{number}-{name}"))
    finally:
        service.aws.machine("orders")
    attack.notes["until it is drawn, slowest"] = f"{slowest:.1f} s"
    attack.expect(slowest < TO_DRAW + service.patience, f"a graph was drawn after {slowest:.1f} s")
    return attack


def _one(service: Service, attack: Attack, name: str, order: str) -> float:
    """Start an order of this definition, and open its page until its graph is stored; returns after how long."""
    definition, names, drawn = BOMBS[name]
    service.aws.machine("orders", definition=definition, revision=order)
    headers = service.headers("oscar", **{"Content-Type": "application/json"})
    body = json.dumps({"order_id": order})
    made = ask(service, "POST", "/api/v1/orders/", headers, body)
    attack.expect(made.status in (201, 202), f"{name}: the order was answered {made.status}")
    is_there = (
        "SELECT count(*) FROM approvals_orderexecution WHERE order_id = %s AND execution_arn <> ''"
    )
    wait(lambda: service.count(is_there, order), 30)
    began = time.monotonic()
    show = partial(page, service, "oscar", f"/orders/{order}/")
    answers: list[Answer] = []

    def is_stored() -> bool:
        answers.extend(together([show] * 4, 4))
        return bool(service.rows(f"{NAMES} AND drawing IS NOT NULL", order))

    stored = wait(is_stored, 120)
    took = time.monotonic() - began
    # The history refers to the definition in the transaction after the one that stores it.
    shown = wait(lambda: _shows(answers, show(), drawn=drawn), 10)
    probes(attack, service)
    judge(attack, answers, f"pages of {name}", seconds=service.patience)
    largest = max(len(answer.body) for answer in answers)
    attack.expect(largest < LARGEST_PAGE, f"{name}: a page has {largest} bytes")
    if stored:
        found = service.rows(NAMES, order)[0]
        attack.expect(found == (names, drawn), f"{name}: stored is {found}, not {(names, drawn)}")
        attack.expect(shown, f"{name}: the page does not show what is stored")
        attack.happened += 1
    return took


def _shows(answers: list[Answer], answer: Answer, *, drawn: bool) -> bool:
    """Whether a page shows the graph, or says that it is too dense; it is added to `answers`."""
    answers.append(answer)
    return (b"graph-svg" if drawn else TOO_DENSE) in answer.body
