"""A file of made-up orders for the campaign: most plain, some for a person, some rows that are none."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HELD = ["card_fraud", "card_declined", "card_blocked", "OUT-OF-STOCK", "AQ", "mismatch", "no_mail"]
BAD = ['{"order_id":"X","total":NaN}', '{"total":5}', "[1]", '{"order_id":"X","order_id":"Y"}', "{"]


@dataclass
class Made:
    """What was written, row by row: what each must come to."""

    plain: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    bad_lines: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def orders(self) -> set[str]:
        """Every order that must end by execution or in its batch."""
        return self.plain | self.held


def write(path: Path, count: int, *, seed: int, prefix: str) -> Made:
    """So many rows as a JSON array, one a line; JSON lines where the name ends so."""
    made, rng = Made(), random.Random(seed)
    lines = path.suffix == ".jsonl"
    with path.open("w") as file:
        file.write("" if lines else "[\n")
        for number, row in enumerate(_rows(count, rng, prefix, made)):
            made_line = number + (1 if lines else 2)
            if row.startswith("!"):
                made.bad_lines.add(made_line)
            end = "" if number == count - 1 else ("\n" if lines else ",\n")
            file.write(row.lstrip("!") + end)
        file.write("\n" if lines else "\n]\n")
    return made


def _rows(count: int, rng: random.Random, prefix: str, made: Made) -> Iterator[str]:
    """Rows; what is to be refused is marked with an exclamation mark."""
    written: list[tuple[str, str]] = []
    for number in range(count):
        draw, order_id = rng.random(), f"{prefix}{number:06d}"
        if draw < 0.01:
            made.counts["bad"] += 1
            yield "!" + rng.choice([bad for bad in BAD if bad != "{"])
        elif draw < 0.015 and written:
            made.counts["known"] += 1
            yield rng.choice(written)[1]
        elif draw < 0.02 and written:
            made.counts["conflict"] += 1
            other = json.loads(rng.choice(written)[1])
            yield "!" + json.dumps({**other, "total": 99_999})
        elif draw < 0.12:
            made.held.add(order_id)
            text = json.dumps(_order(order_id, rng, rng.choice(HELD)))
            written.append((order_id, text))
            yield text
        else:
            made.plain.add(order_id)
            text = json.dumps(_order(order_id, rng, ""))
            written.append((order_id, text))
            yield text


def _order(order_id: str, rng: random.Random, why: str) -> dict[str, object]:
    many = rng.randint(1, 4)
    order: dict[str, object] = {
        "order_id": order_id,
        "customer": {"email": f"{order_id}@shop.example", "name": "Zoë Ångström"},
        "items": [{"sku": "OUT-OF-STOCK-1" if why == "OUT-OF-STOCK" else "SKU-1",
                   "quantity": many, "unit_price": 12.5}],
        "total": 12.5 * many + (1 if why == "mismatch" else 0),
        "currency": "EUR",
        "payment": {"card": why if why.startswith("card") else "card_ok"},
        "shipping_address": {"country": "AQ" if why == "AQ" else "DE"},
        "note": "x" * rng.randint(0, 200),
    }  # fmt: skip
    if why == "no_mail":
        order["customer"] = {"email": "nobody"}
    return order
