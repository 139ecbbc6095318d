"""The customers of the demo: `python -m local.order_traffic` places orders through the REST API.

It keeps the pace of people, and at most 40 reviews open. `order(kind, number)` makes an order; the
same kind and number always make the same order.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import signal
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any, NoReturn

log = logging.getLogger("local.order_traffic")

# By kind of order, the card that the sample payment gateway answers differently for
# (approvals/orchestration/lambdas/gateway.py).
CARDS = {
    "paid": "card_ok",
    "fraud": "card_fraud",
    "blocked": "card_blocked",
    "gateway_timeout": "card_timeout",
    "gateway_unreachable": "card_unreachable",
    "gateway_outage": "card_outage",
    "insufficient_funds": "card_declined",
    "invalid": "card_ok",
    "price_mismatch": "card_ok",
    "out_of_stock": "card_ok",
    "undeliverable": "card_ok",
    "refund_refused": "card_no_refund",
}
# The kinds that need a review.
REVIEWED = {"fraud", "blocked", "gateway_unreachable", "price_mismatch"}

_FIRST_ORDERS = (
    *("fraud", "paid", "price_mismatch", "fraud", "gateway_unreachable", "insufficient_funds"),
    *("fraud", "paid", "gateway_timeout", "fraud", "price_mismatch", "out_of_stock"),
)
_LATER_ORDERS = (
    *("paid", "fraud", "paid", "price_mismatch", "paid", "gateway_timeout", "fraud", "paid"),
    *("insufficient_funds", "paid", "gateway_unreachable", "fraud", "invalid", "paid"),
    *("out_of_stock", "blocked", "paid", "undeliverable"),
)
_MAX_OPEN_REVIEWS = 40
_BUSY_ORDERS = 60  # after these the pace is slow

_CUSTOMERS = (
    *("Amara Okafor", "Lukas Brandt", "Mei-Ling Chen", "Sofia Rossi", "Daniel Kowalski"),
    *("Priya Raman", "Noah Lindqvist", "Camille Dubois", "Hassan Al-Amin", "Zoë Vermeulen"),
    *("Tomás Herrera", "Yuki Tanaka", "Grace O'Neill", "Mateus Carvalho", "Ingrid Solberg"),
)
_ADDRESSES = (
    ("Rosenthaler Straße 40", "Berlin", "10178", "DE", "EUR"),
    ("221 Valencia Street", "San Francisco", "94103", "US", "USD"),
    ("18 Marlborough Road", "London", "N19 4NB", "GB", "GBP"),
    ("Via Savona 97", "Milano", "20144", "IT", "EUR"),
    ("400 W Superior Street", "Chicago", "60654", "US", "USD"),
    ("12 rue Oberkampf", "Paris", "75011", "FR", "EUR"),
    ("Storgata 14", "Oslo", "0184", "NO", "EUR"),
)
_PRODUCTS = (
    ("HP-ANC-700", "Noise-cancelling headphones", "279.00"),
    ("ESP-DUO-2", "Espresso machine, dual boiler", "1149.00"),
    ("KB-TKL-87", "Mechanical keyboard, tenkeyless", "134.50"),
    ("MON-27-4K", "27-inch 4K monitor", "429.90"),
    ("BAG-RT-25", "Roll-top backpack, 25 l", "98.00"),
    ("CAM-X-45", "Mirrorless camera body", "1899.00"),
    ("LNS-35-18", "35 mm f/1.8 lens", "549.00"),
    ("LAMP-ARC", "Reading lamp", "74.95"),
    ("COF-ETH-1K", "Ethiopian coffee beans, 1 kg", "31.40"),
    ("CHR-ERGO", "Ergonomic desk chair", "618.00"),
)
_BRANDS = ("Visa", "Mastercard", "American Express")


def order(kind: str, number: int) -> dict[str, Any]:
    """Return an order of this kind; the same arguments always make the same order."""
    chance = random.Random(f"{kind}/{number}")  # noqa: S311 - traffic, not a secret
    name = chance.choice(_CUSTOMERS)
    street, city, postcode, country, currency = chance.choice(_ADDRESSES)
    placed: dict[str, Any] = {
        "order_id": f"ORD-{number:07d}",
        "channel": chance.choice(("web", "web", "app", "phone")),
        "customer": _customer(name, chance),
        **_prices(chance),
        "currency": currency,
        "shipping_address": {
            "name": name,
            "street": street,
            "city": city,
            "postcode": postcode,
            "country": country,
        },
        "payment": {
            "method": "card",
            "card": CARDS[kind],
            "brand": chance.choice(_BRANDS),
            "last4": f"{chance.randrange(10_000):04d}",
        },
    }
    if chance.random() < 0.2:
        placed["priority"] = 8
    _apply_kind(placed, kind)
    return placed


def _customer(name: str, chance: random.Random) -> dict[str, Any]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    mailbox = plain.replace(" ", ".").replace("'", "")
    return {
        "id": f"C-{chance.randrange(10_000, 99_999)}",
        "name": name,
        "email": f"{mailbox}@example.com",
        "since": str(chance.randrange(2015, 2026)),
        "previous_orders": chance.randrange(40),
    }


def _prices(chance: random.Random) -> dict[str, Any]:
    goods, lines = Decimal(), []
    for sku, name, price in chance.sample(_PRODUCTS, chance.choice((1, 1, 2, 3))):
        many = chance.choice((1, 1, 1, 2))
        goods += Decimal(price) * many
        lines.append({"sku": sku, "name": name, "quantity": many, "unit_price": float(price)})
    shipping = Decimal(0) if goods > 200 else Decimal("6.90")
    return {
        "items": lines,
        "shipping_cost": float(shipping),
        "total": float(goods + shipping),
    }


def _apply_kind(placed: dict[str, Any], kind: str) -> None:
    """Change the order so that the workflow takes the path of its kind, unless the card does that."""
    match kind:
        case "invalid":
            placed["items"][0]["quantity"] = 0
        case "price_mismatch":
            placed["total"] = round(placed["total"] * 0.9, 2)
            placed["note"] = "Voucher WELCOME10 was accepted at checkout."
        case "out_of_stock":
            placed["items"][0]["sku"] = f"OUT-OF-STOCK-{placed['items'][0]['sku']}"
        case "undeliverable" | "refund_refused":
            placed["shipping_address"] |= {
                "street": "McMurdo Station",
                "city": "Ross Island",
                "country": "AQ",
            }


class OrderClient:
    """A client of the REST API at one address, with one API token."""

    def __init__(self, url: str, token: str) -> None:
        self._api = f"{url.rstrip('/')}/api/v1"
        self._token = token

    def place(self, placed: dict[str, Any]) -> int:
        """Send the order and return the HTTP status. Raises OSError if there is no answer."""
        try:
            return self._call("/orders/", placed)[0]
        except urllib.error.HTTPError as refusal:
            return refusal.code

    def open_reviews(self) -> int | None:
        """Return how many reviews are open, at most _MAX_OPEN_REVIEWS; None if that cannot be read."""
        try:
            _, page = self._call(f"/reviews/?status=pending&page_size={_MAX_OPEN_REVIEWS}")
            return len(page["results"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _call(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(  # noqa: S310 - the demo's own address
            self._api + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=15) as response:  # noqa: S310
            return response.status, json.load(response)


def keep_ordering(client: OrderClient) -> NoReturn:
    """Place the first orders at once, then one every few seconds, until the process ends."""
    # Numbers rise with time: in a database that was kept, yesterday's must not come again.
    first = int(time.time() - 1_767_225_600) // 4
    reviewed = 0
    for placed, kind in enumerate(itertools.chain(_FIRST_ORDERS, itertools.cycle(_LATER_ORDERS))):
        chosen = kind
        if kind in REVIEWED:
            waiting = client.open_reviews()
            queue_is_full = (reviewed if waiting is None else waiting) >= _MAX_OPEN_REVIEWS
            chosen = "paid" if queue_is_full else kind
            reviewed += not queue_is_full
        _place_until_accepted(client, order(chosen, first + placed), chosen)
        time.sleep(_pause(placed))
    raise AssertionError("the orders never end")


def _place_until_accepted(client: OrderClient, placed: dict[str, Any], kind: str) -> None:
    for attempt in itertools.count():
        try:
            status = client.place(placed)
        except OSError as error:
            status = 503
            log.debug("no answer yet: %s", error)
        # A refusal (4xx) is final, unless the service is not there yet or asks to slow down.
        if status < 500 and status not in {404, 429}:
            log.info("%s (%s): HTTP %s", placed["order_id"], kind, status)
            return
        time.sleep(min(0.5 * 2**attempt, 5))


def _pause(placed: int) -> float:
    if placed < len(_FIRST_ORDERS):
        return 0.3
    slowest, fastest = (20, 5) if placed < _BUSY_ORDERS else (90, 30)
    return random.uniform(fastest, slowest)  # noqa: S311


def main() -> int:
    """Place orders at PUBLIC_URL with DEMO_API_TOKEN until SIGTERM; return the exit code."""
    # An exception in the handler ends a wait for a response as well as a pause.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(message)s")
    url, token = os.environ.get("PUBLIC_URL"), os.environ.get("DEMO_API_TOKEN")
    if not url or not token:
        sys.stderr.write(
            "PUBLIC_URL and DEMO_API_TOKEN must be set: the address of the API and a token for it\n"
        )
        return 2
    try:
        keep_ordering(OrderClient(url, token))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
