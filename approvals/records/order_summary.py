"""What lists of reviews show of an order: its total, its currency, its customer, stored beside the payload.

PostgreSQL unpacks a whole payload, of up to a megabyte, for each value that a query reads of it: a page of fifty
such reviews took it 170 ms.
"""

from __future__ import annotations

import json
from typing import Any

from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, JSONObject, Left

from approvals.models.review_queues import value_at
from approvals.untrusted.numbers import LONGEST

# Where each stands in the payload, and the most characters of it. A total that is cut is no number.
PLACES = {
    "total": ("input.total", LONGEST + 1),
    "currency": ("input.currency", LONGEST),
    "customer": ("input.customer.name", LONGEST),
}


def of(payload: Any) -> dict[str, str]:
    """The texts and numbers among them, as texts; an object or a list is none."""
    found = {}
    for name, (path, most) in PLACES.items():
        value = value_at(payload, path)
        if isinstance(value, str | int | float):
            found[name] = (value if isinstance(value, str) else json.dumps(value))[:most]
    return found


def column() -> Combinable:
    """The stored summary of a review, in a query; of one that an earlier release stored, what its payload has."""
    places = {
        name: Left(KT(f"payload__{path.replace('.', '__')}"), most)
        for name, (path, most) in PLACES.items()
    }
    return Coalesce(F("order_summary"), JSONObject(**places))
