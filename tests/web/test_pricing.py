"""The page of prices: who may see it, what it shows, and that its figures are those of the command."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import User
from tests.web.conftest import Desk
from tests.workflows.linting.definitions import ORDERS

pytestmark = pytest.mark.django_db
PRICING = "/pricing/"


@pytest.fixture
def page(desk: Desk, carol: User) -> Client:
    """The desk of somebody who may start orders."""
    people.grant_site(carol, "orders", by=COMMAND_LINE)
    return desk(carol)


def words(response: Any) -> str:
    """A page without its tags, every space a single one."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("right", "status"), [(None, 403), ("auditor", 403), ("orders", 200), ("operator", 200)]
)
def test_the_page_and_its_link_are_for_those_with_the_right(
    desk: Desk, carol: User, right: str | None, status: int
) -> None:
    if right:
        people.grant_site(carol, right, by=COMMAND_LINE)
    client = desk(carol)

    assert client.get(PRICING).status_code == status
    linked = f'href="{reverse("pricing")}"' in client.get("/").content.decode()
    assert linked == (status == 200)


def test_an_anonymous_user_is_sent_to_the_login(client: Client) -> None:
    response = client.get(PRICING)

    assert response["Location"] == f"{reverse('account_login')}?next={PRICING}"


def test_it_shows_the_figures_of_the_command(
    page: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--per-month", "500000", "--batch", "50", "--reviewed-percent", "2", "--json"]
    call_command("price_workflow", str(ORDERS), *options)
    report = json.loads(capsys.readouterr().out)

    asked = "definition=order_fulfillment&per_month=500000&batch=50&reviewed_percent=2"
    shown = words(page.get(f"{PRICING}?{asked}"))

    for way in report["ways"]:
        if way["possible"]:
            assert f"{way['title']} ${way['before_free_tier']:,.2f}" in shown
            assert f"${way['total']:,.2f}" in shown
        else:
            assert f"Not possible: {way['why_not']}" in shown
    assert "At CheckOrderId to OpenOrder" in shown


def test_the_first_visit_already_shows_a_price(page: Client) -> None:
    response = page.get(PRICING)

    assert 'value="1000000"' in response.content.decode()
    assert "STANDARD, one execution an order" in words(response)


def test_the_longest_bar_is_as_long_as_the_chart_and_the_others_are_in_proportion(
    page: Client,
) -> None:
    text = page.get(PRICING).content.decode()

    parts = [
        int(steps) + int(functions)
        for steps, functions in re.findall(
            r'bar-steps" width="(\d+)" height="10"/><rect class="bar-functions" x="\d+" width="(\d+)"',
            text,
        )
    ]
    totals = [float(one) for one in re.findall(r'bar-amount num">\$([\d.]+)<', text)]
    assert len(parts) == len(totals) == 5
    assert max(parts) in (999, 1_000, 1_001)
    for part, total in zip(parts, totals, strict=True):
        assert part == pytest.approx(total / max(totals) * 1_000, abs=2)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("definition=../settings", "Workflow: Select a valid choice"),
        ("per_month=0", "Orders a month: Ensure this value is greater"),
        ("per_month=%00", "Orders a month: "),
        ("batch=many", "Orders a batch: Enter a whole number"),
        ("reviewed_percent=101", "Held for review, %: Ensure"),
        ("reviewed_percent=NaN", "Held for review, %: Enter a number"),
        ("duration_ms=999999999999999999999", "EXPRESS, ms an order: Ensure"),
        ("memory_mb=", "EXPRESS, MB: This field is required"),
    ],
)
def test_a_wrong_assumption_is_reported_and_not_priced(
    page: Client, query: str, message: str
) -> None:
    response = page.get(f"{PRICING}?{query}")

    assert response.status_code == 200
    assert message in words(response)
    assert "The bill" not in words(response)


def test_a_month_for_nothing_has_no_bars_and_no_error(page: Client) -> None:
    shown = words(page.get(f"{PRICING}?per_month=1&reviewed_percent=0"))

    assert "$0.00" in shown


def test_a_post_is_not_taken(page: Client) -> None:
    assert page.post(PRICING).status_code == 405
