"""Real names in place of made-up ones: a request that names nothing meets nothing.

Schemathesis knows the shape of an id, not the ids. What was made wrong on purpose stays wrong, and
what a link of the document has brought stays as the link brought it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation as Location

from tests.fuzz.world import QUEUE, World

REAL = 0.9  # share of the paths that name what there is
# Which rows an address is about, the first that fits; a few of another kind make its refusals.
ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"/bulk-decisions/\{", ("bulk",)),
    (r"/decisions/\{", ("undoable",)),
    (r"/orders/\{\w+\}/restart/", ("failed order", "failed order", "order")),
    (r"/orders/\{\w+\}/stop/", ("running order", "running order", "order")),
    (r"/orders/\{", ("order",)),
    (r"/order-batches/\{", ("batch",)),
    (r"/quarantine/\{", ("quarantined", "quarantined", "quarantined", "poison")),
    (r"/reviews/\{\w+\}/(renew|release)/", ("held",)),
    (r"/reviews/\{\w+\}/\w+/", ("pending", "held")),
    (r"/reviews/\{", ("pending", "held", "ended")),
)
TO_BE_SIGNED = "v1,to-be-signed="  # a sender signs bytes, and these are not bytes yet
LEAD, OTHER = "lead@example.com", "other@example.com"
OTHERS = ("ended", "hidden", "pending")


def rows_of(path: str) -> tuple[str, ...]:
    """The kinds of rows that an address of the document is about."""
    return next(kinds for pattern, kinds in ROWS if re.search(pattern, path))


def name_rows(case: Case[Any], world: World) -> None:
    """Put ids, keys and cursors that exist into a case that `schemathesis` is about to send."""
    _name_path(case, world)
    if case.meta is None or not case.meta.is_negative_at(Location.QUERY):
        _name_query(case, world)
    if case.meta is None or not case.meta.is_negative_at(Location.HEADER):
        _name_headers(case, world)
    if case.meta is None or not case.meta.is_negative_at(Location.BODY):
        _name_body(case, world)


def _name_path(case: Case[Any], world: World) -> None:
    linked = case._override.path_parameters
    negative = case.meta is not None and case.meta.is_negative_at(Location.PATH)
    if not case.path_parameters or linked or negative or not world.sometimes(REAL):
        return
    for name in case.path_parameters:
        case.path_parameters[name] = QUEUE if name == "slug" else _row(case, world)


def _row(case: Case[Any], world: World) -> str:
    kinds = rows_of(case.operation.path)
    reads = case.method.upper() == "GET"
    if "review" in case.operation.path and world.sometimes(0.15):
        kinds = OTHERS
    return world.take(*kinds, keep=reads or world.sometimes(0.1))


def _name_query(case: Case[Any], world: World) -> None:
    replaced: dict[str, Callable[[], Any]] = {
        "cursor": lambda: world.random.choice(world.cursors or [None]),
        "queue": lambda: QUEUE,
        "reference": lambda: None,
        "q": lambda: "ORD",
        "assignee": lambda: None,
    }
    for name in [name for name in replaced if name in (case.query or {})]:
        _put(case.query, name, replaced[name](), world, share=0.75)


def _name_headers(case: Case[Any], world: World) -> None:
    replaced: dict[str, Callable[[], Any]] = {
        "If-Match": lambda: world.random.choice((None, "*", '"0"', '"1"', '"2"')),
        "Idempotency-Key": lambda: world.random.choice(
            (None, None, f"key-{world.random.random()}")
        ),
    }
    for name in [name for name in replaced if name in (case.headers or {})]:
        _put(case.headers, name, replaced[name](), world, share=0.8)
    if "webhook-signature" in (case.headers or {}) and world.sometimes(REAL):
        case.headers["webhook-id"] = f"msg-{world.random.random()}".replace(".", "-")
        case.headers["webhook-timestamp"] = str(int(time.time()))
        case.headers["webhook-signature"] = TO_BE_SIGNED


def _name_body(case: Case[Any], world: World) -> None:
    if not isinstance(case.body, dict):
        return
    review = (case.path_parameters or {}).get("review_id", "")
    replaced: dict[str, Callable[[], Any]] = {
        "lease_id": lambda: world.held.get(review),
        "edits": lambda: None,
        "undo_seconds": lambda: 0,
        "order_id": lambda: world.take("order", keep=True) if world.sometimes(0.2) else None,
        "to": lambda: world.random.choice((OTHER, LEAD)),
        "reviewer_email": lambda: LEAD,
        "task_token": lambda: None,
        "reviews": lambda: [world.take("pending", "held")],
        "review_id": lambda: world.take("pending", "held"),
    }
    for name in [name for name in replaced if name in case.body]:
        _put(case.body, name, replaced[name](), world, share=0.6)


def _put(where: Any, name: str, value: Any, world: World, *, share: float) -> None:
    """Put the value there, or leave the name out where it is None and may be."""
    if not world.sometimes(share):
        return
    if value is not None:
        where[name] = value
    elif name != "order_id":
        del where[name]
