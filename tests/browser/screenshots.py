"""Pictures of the desk for the documentation: `pytest tests/browser/screenshots.py` writes
docs/screenshots/. Not collected with the tests: no assertion here says more than theirs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_django.fixtures import Settings

from approvals.gateways.errors import Answer, Proof
from tests.browser import batches, leads, orders, outages, world
from tests.browser.conftest import NewPage, sign_in

DIRECTORY = Path(os.environ.get("SCREENSHOTS", "docs/screenshots"))
LIMIT = 150_000  # bytes
WHOLE = bool(os.environ.get("SCREENSHOTS_FULL"))


def picture(page: Page, name: str) -> None:
    """Write the page as it stands; small, but for the pictures that are only looked at."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.fonts.ready")
    target = DIRECTORY / f"{name}.png"
    page.screenshot(path=target, full_page=WHOLE, animations="disabled")
    assert WHOLE or target.stat().st_size < LIMIT, f"{target} is too large"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_pictures(new_page: NewPage, width: int, scheme: str) -> None:
    """Every page of the desk, once a width and scheme."""
    day = world.build()
    page = new_page(width=width, scheme=scheme)

    def shoot(name: str) -> None:
        picture(page, f"{name}-{scheme}-{width}")

    page.goto("/accounts/login/")
    if WHOLE:
        shoot("login")
    sign_in(page, day.ada.email)
    shoot("home")
    page.goto("/queues/manual-review/")
    shoot("queue")
    page.goto(f"/reviews/{day.reviews['ORD-0048219'].pk}/")
    shoot("review")
    page.get_by_role("link", name="Reject").click()
    page.get_by_label("Reason").fill("The gateway charged the card twice; refund first.")
    shoot("reject")
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="Undo").wait_for()
    shoot("decided")
    world.settle(day.reviews["ORD-0048219"], Answer(Proof.ACCEPTED))
    page.get_by_role("heading", name="Delivered").wait_for()
    shoot("delivered")
    if WHOLE:
        the_rest(page, day, shoot)


def the_rest(page: Page, day: world.World, shoot: Callable[[str], None]) -> None:
    """The pages that are only looked at."""
    page.goto(f"/reviews/{day.reviews['ORD-0048224'].pk}/")
    shoot("held")
    page.goto(f"/reviews/{day.reviews['ORD-0048201'].pk}/")
    shoot("unconfirmed")
    page.goto("/queues/refund-exceptions/")
    shoot("empty")
    page.goto("/queues/manual-review/?status=any&q=fraud")
    shoot("filtered")
    page.goto("/reviews/00000000-0000-0000-0000-000000000000/")
    shoot("missing")
    (late, _), refused = outages.came_too_late(day), outages.held_back(day)
    page.goto("/")
    shoot("outage-home")
    page.goto("/queues/manual-review/")
    shoot("outage-queue")
    page.goto(f"/reviews/{refused[0].pk}/")
    shoot("outage-review")
    page.goto(f"/reviews/{late.pk}/")
    shoot("again")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_pictures_of_orders(new_page: NewPage, settings: Settings, width: int, scheme: str) -> None:
    """The list of orders, and one that waits for a person."""
    keeper, made = orders.build(settings)
    page = new_page(width=width, scheme=scheme)
    sign_in(page, keeper.email)
    page.goto("/orders/")
    picture(page, f"orders-{scheme}-{width}")
    if WHOLE:
        page.goto("/orders/?q=ORD&status=failed&sort=accepted")
        picture(page, f"orders-filtered-{scheme}-{width}")
        batches.build(keeper)
        page.goto("/orders/batches/")
        picture(page, f"batches-{scheme}-{width}")
        page.goto(f"/orders/batches/{batches.stopped().pk}/")
        picture(page, f"batch-stopped-{scheme}-{width}")
        page.goto(f"/orders/batches/{batches.waiting().pk}/")
        picture(page, f"batch-waiting-{scheme}-{width}")
    page.goto(f"/orders/{made['waiting'].order_id}/")
    picture(page, f"order-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_pictures_of_leads(new_page: NewPage, width: int, scheme: str) -> None:
    """The page of leads with figures of a month."""
    _, lead = leads.build(operates=True)
    page = new_page(width=width, scheme=scheme)
    sign_in(page, lead.email)
    page.goto("/leads/?range=30d")
    picture(page, f"leads-{scheme}-{width}")
