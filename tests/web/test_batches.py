"""Pages of order batches: who may see them, what they say, and that they follow what happens."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from approvals.actions import batches, people
from approvals.actors import COMMAND_LINE
from approvals.models import OrderBatch, User
from approvals.orchestration.batches import acceptance, runner, sources
from tests import factories

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
BODY = '[{"order_id": "A-1"},\n{"order_id": "A-2", "total": NaN},\n{"order_id": "A-3"}]'


@pytest.fixture
def olga(settings: Settings) -> User:
    """Somebody with the right to orders."""
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = MACHINE
    user = factories.user("olga@example.com")
    people.grant_site(user, "orders", by=COMMAND_LINE)
    return user


def begun(on_bad_row: str = "skip") -> OrderBatch:
    """A batch of three rows, the second of which is none, read to its end."""
    wish = acceptance.BatchOptions("executions", on_bad_row=on_bad_row)
    batch = acceptance.accept(sources.of_body(BODY), wish, body=BODY, by=COMMAND_LINE)
    while runner.Runner(batch.pk).turn():
        pass
    batch.refresh_from_db()
    return batch


def test_a_batch_shows_how_far_it_is_and_which_line_was_refused(client: Client, olga: User) -> None:
    client.force_login(olga)
    batch = begun()

    page = client.get(reverse("order_batch", args=[batch.pk])).content.decode()

    assert 'value="50"' in page  # all read, nothing started
    assert "NaN is not a JSON number." in page
    assert '<td class="num">2</td>' in page
    assert "A-1" in page
    assert 'hx-trigger="every 2s"' in page


def test_a_page_accounts_for_the_lines_of_a_file(client: Client, olga: User) -> None:
    client.force_login(olga)
    batch = begun()
    OrderBatch.objects.filter(pk=batch.pk).update(
        format="csv", lines=5, blank_lines=1, continuation_lines=1
    )

    page = client.get(reverse("order_batch", args=[batch.pk])).content.decode()

    assert "5 lines below the header: 2 rows, 1 refused, 1 blank, 1 that continue a row." in page


@pytest.mark.parametrize(
    ("status", "heading"), [("batched", "In a batch execution"), ("settled", "Fulfilled")]
)
def test_an_order_of_a_batch_says_so_and_leads_to_it(
    client: Client, olga: User, status: str, heading: str
) -> None:
    client.force_login(olga)
    batch = begun()
    batch.orders.filter(order_id="A-3").update(status=status)

    page = client.get(reverse("order", args=["A-3"])).content.decode()

    assert heading in page
    assert "Failed" not in page
    assert f'row 3 of <a class="link" href="{reverse("order_batch", args=[batch.pk])}"' in page
    assert reverse("order_batches") in client.get(reverse("orders")).content.decode()


def test_a_stopped_batch_says_why_and_is_asked_after_no_more(client: Client, olga: User) -> None:
    client.force_login(olga)
    batch = begun("stop")

    page = client.get(reverse("order_batch_refresh", args=[batch.pk])).content.decode()

    assert "Line 2: NaN is not a JSON number." in page
    assert f"--resume {batch.pk}" in page
    assert "hx-trigger" not in page


def test_the_list_leads_to_every_batch_page_by_page(client: Client, olga: User) -> None:
    client.force_login(olga)
    made = [begun() for _ in range(27)]

    first = client.get(reverse("order_batches"))
    second = client.get(reverse("order_batches"), {"cursor": first.context["page"].next})

    found = [batch.pk for answer in (first, second) for batch in answer.context["page"].rows]
    assert found == [batch.pk for batch in reversed(made)]


def test_a_tampered_cursor_is_refused(client: Client, olga: User) -> None:
    client.force_login(olga)

    assert client.get(reverse("order_batches"), {"cursor": "tampered"}).status_code == 422


@pytest.mark.parametrize("name", ["order_batch", "order_batch_refresh"])
def test_without_a_right_to_orders_nobody_learns_of_a_batch(
    client: Client, olga: User, alice: User, name: str
) -> None:
    batch = begun()
    client.force_login(alice)

    assert client.get(reverse(name, args=[batch.pk])).status_code == 403
    assert client.get(reverse("order_batches")).status_code == 403


def test_a_batch_that_is_not_there_is_not_found(client: Client, olga: User) -> None:
    client.force_login(olga)

    address = reverse("order_batch", args=["00000000-0000-0000-0000-000000000000"])
    assert client.get(address).status_code == 404


def test_a_source_that_s3_refuses_stands_on_the_page_with_what_to_do(
    client: Client, olga: User
) -> None:
    client.force_login(olga)
    batch, source = begun(), "s3://daily/orders.csv"
    refusal = f"{source} may not be read or written by us: 403."
    OrderBatch.objects.filter(pk=batch.pk).update(source=source, status="stopped", trouble=refusal)

    page = client.get(reverse("order_batch", args=[batch.pk])).content.decode()

    assert refusal in page
    assert "s3:GetObject and s3:GetObjectVersion" in page
    assert f"--resume {batch.pk}" in page


def test_what_is_tried_again_says_what_it_waits_for(client: Client, olga: User) -> None:
    client.force_login(olga)
    batch = begun()
    batches.note_problem(batch.pk, "S3 refuses s3://ours/batches/1/orders.json.")

    page = client.get(reverse("order_batch", args=[batch.pk])).content.decode()
    batches.note_problem(batch.pk, "")

    assert "S3 refuses s3://ours/batches/1/orders.json." in page
    assert "It is tried again by itself." in page
    again = client.get(reverse("order_batch_refresh", args=[batch.pk])).content.decode()
    assert "It is tried again" not in again
