"""Deployed as `reserve-inventory`: reserves every line of an order, all of them or none.

The sample warehouse has every sku in stock except those that start with `OUT-OF-STOCK`.
"""

from __future__ import annotations

from typing import Any

from approvals.orchestration.lambdas import ledger
from approvals.orchestration.lambdas.amounts import quantity
from approvals.orchestration.lambdas.failures import OutOfStock


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Reserve the lines, each once. Raises OutOfStock before anything is reserved."""
    wanted = [(str(line.get("sku", "")), quantity(line)) for line in event.get("items") or []]
    missing = [sku for sku, _ in wanted if sku.startswith("OUT-OF-STOCK")]
    if missing:
        raise OutOfStock(f"Not in stock: {', '.join(missing)}.")
    order_id = str(event["order_id"])
    for number, (sku, count) in enumerate(wanted):
        ledger.write_once(order_id, f"reservation#{number}", sku=sku, quantity=str(count))
    return {"reserved": [{"sku": sku, "quantity": count} for sku, count in wanted]}
