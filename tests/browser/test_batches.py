"""The pages of order batches in a real browser: they follow by themselves, and work without scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from approvals import arns
from approvals.actions import batch_executions, people
from approvals.actions import batches as verbs
from approvals.actors import COMMAND_LINE
from approvals.models import BatchExecution, OrderBatch, User
from approvals.orchestration.batches import acceptance, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner
from tests import factories
from tests.browser import batches as morning
from tests.browser import world
from tests.browser.accessibility import inspect
from tests.browser.conftest import NewPage, sign_in

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


@pytest.fixture
def olga(settings: Settings, transactional_db: None) -> User:
    """Somebody with the right to orders."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    settings.ORDER_BATCH_STATE_MACHINE_ARN = f"{MACHINE}-batch"
    user = world.person("olga@example.com", "Olga Ladyzhenskaya", "viewer", factories.queue())
    people.grant_site(user, "orders", by=COMMAND_LINE)
    return user


def begun(
    source: str = "s3://daily-orders/2026/11/25.json", prefix: str = "ORD", **wish: Any
) -> OrderBatch:
    """A batch of forty rows, two of them none."""
    rows = [json.dumps({"order_id": f"{prefix}-{n:07d}"}) for n in range(40)]
    rows[6], rows[17] = "NaN", '{"order_id": "' + "W" * 300 + '"}'
    body = "[" + ",\n".join(rows) + "]"
    batch = acceptance.accept(
        sources.of_body(body), BatchOptions("batches", **wish), body=body, by=COMMAND_LINE
    )
    while Runner(batch.pk, seize=True).turn():
        pass
    OrderBatch.objects.filter(pk=batch.pk).update(source=source)
    batch.refresh_from_db()
    return batch


def go_on(batch: OrderBatch) -> None:
    """Its execution has settled all but three orders."""
    execution = BatchExecution.objects.get(batch=batch)
    own = [
        batch_executions.Outcome(n, arns.execution_arn(MACHINE, f"order-ORD-{n - 1:07d}"), "Fraud")
        for n in (3, 9, 30)
    ]
    rest = [n for n in range(1, 41) if n not in {3, 9, 30}]
    batch_executions.record_outcomes(execution.pk, [*own, *map(batch_executions.Outcome, rest)])
    batch_executions.end(execution.pk, "succeeded")
    verbs.finish(batch.pk)


def test_a_batch_is_followed_to_its_end_without_a_hand(new_page: NewPage, olga: User) -> None:
    batch = begun()
    page = new_page()
    sign_in(page, olga.email)
    page.goto("/orders/batches/")
    page.get_by_role("link", name="s3://daily-orders").click()
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", "50")
    expect(page.get_by_role("cell", name="NaN is not a JSON number.")).to_be_visible()

    go_on(batch)

    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", "100")
    expect(page.get_by_text("Finished")).to_be_visible()
    expect(page.get_by_role("cell", name="ORD-0000029").first).to_be_visible()
    expect(page.locator("main [hx-get]")).to_have_count(0)


def test_a_batch_can_be_followed_without_scripts(new_page: NewPage, olga: User) -> None:
    batch = begun()
    page = new_page(javascript=False)
    sign_in(page, olga.email)
    page.goto(f"/orders/batches/{batch.pk}/")

    go_on(batch)
    page.get_by_role("link", name="Show the present state").click()

    expect(page.get_by_text("Finished")).to_be_visible()


@pytest.mark.campaign
def test_the_pages_of_batches_pass_axe_and_fit_their_window(new_page: NewPage, olga: User) -> None:
    page = new_page()
    sign_in(page, olga.email)
    morning.build(olga)
    inspect(page, "/orders/batches/")
    inspect(page, "/orders/batches/?q=daily&needs=help&sort=refused")
    inspect(page, f"/orders/batches/{morning.stopped().pk}/")
    inspect(page, f"/orders/batches/{morning.waiting().pk}/")
    ended, running = begun(), begun(f"s3://daily-orders/{'w' * 300}.json", "RUN", size=7)
    go_on(ended)
    stopped = begun("file:orders.csv", "STOP", on_bad_row="stop")
    for path in ("", f"{ended.pk}/", f"{running.pk}/", f"{stopped.pk}/"):
        inspect(page, f"/orders/batches/{path}")
