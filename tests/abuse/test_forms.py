"""Every form and link that the pages show to an operator takes odd values without an error page."""

from __future__ import annotations

import html
import random
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from approvals.actions import intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import Preference, ReviewQueue, User
from tests import factories
from tests.browser import orders as day

ODD = [
    *("\0", "a\0b", "-1", "0", "9" * 5_000, "1e400", "NaN", "Infinity", "1E1000000", "²", "٣"),
    *("9999-12-31T23:59:59", "0001-01-01T00:00", "2026-02-30T00:00", "0001-01-01T00:00:00+23:59"),
    *(
        "\u202e",
        "\uffff",
        "\u0130",
        "a" * 20_000,
        "\u0301\u0316" * 3_000,
        "  ",
        "\n",
        "%",
        "[",
        "{}",
    ),
    *("null", "A:B", ",", "=", "../..", "00000000-0000-0000-0000-000000000000", "http://["),
]
FIRST = (
    *("/", "/queues/manual-review/", "/orders/", "/orders/batches/", "/leads/", "/audit/"),
    *("/settings/", "/pricing/", "/orders/ORD-1/", "/admin/", "/tokens/"),
)
MOST_PAGES = 90
EACH = 2  # values of a field

Form = tuple[str, str, dict[str, str]]


def without_ids(address: str) -> str:
    """An address without its query, its ids replaced."""
    return re.sub(r"[0-9a-f-]{36}", "ID", address.split("?", maxsplit=1)[0])


class Browser:
    """Somebody who opens pages and sends forms, each in a transaction of its own as far as a test has one."""

    def __init__(self, user: User) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(user)
        self.failed: list[tuple[str, str, Any]] = []

    def send(self, method: str, address: str, data: dict[str, str] | None = None) -> Any:
        """Send a request, and note it if it fails."""
        point = transaction.savepoint()
        answer = getattr(self.client, method)(address, data)
        if answer.status_code >= 500:
            self.failed.append((method, address[:120], data))
            transaction.savepoint_rollback(point)
        else:
            transaction.savepoint_commit(point)
        return answer

    def forms(self) -> Iterator[Form]:
        """The forms of the pages that links lead to, one of each kind."""
        seen: set[str] = set()
        kinds: set[tuple[str, ...]] = set()
        waiting = deque(FIRST)
        while waiting and len(seen) < MOST_PAGES:
            address = waiting.popleft().split("#")[0]
            if without_ids(address) in seen or "logout" in address:
                continue
            seen.add(without_ids(address))
            answer = self.send("get", address)
            if answer.status_code != 200 or answer.streaming:
                continue
            page = answer.content.decode(errors="replace")
            links = re.findall(r'(?:href|hx-get)="(/[^"]*)"', page)
            waiting += [html.unescape(each) for each in links if not each.startswith("/static")]
            for form in forms_of(page, address):
                kind = (form[0], without_ids(form[1]), *sorted(form[2]))
                if kind not in kinds and "logout" not in form[1]:
                    kinds.add(kind)
                    yield form


def forms_of(page: str, address: str) -> Iterator[Form]:
    """The method, the address and the fields of each form of a page."""
    for head, inside in re.findall(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL):
        action = re.search(r'action="([^"]+)"', head)
        fields = re.findall(
            r'<(?:input|select|textarea|button)[^>]*?name="([^"]+)"(?:[^>]*?value="([^"]*)")?',
            inside,
        )
        method = "post" if 'method="post"' in head else "get"
        yield method, html.unescape(action[1]) if action else address, dict(fields)


@pytest.mark.campaign
@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_no_odd_value_of_a_field_is_an_error_page(
    zone: str, queue: ReviewQueue, alice: User, settings: Settings
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = day.MACHINE
    oscar = factories.user("oscar@example.com", "lead", queue)
    for site in ("operator", "auditor", "orders"):
        people.grant_site(oscar, site, by=COMMAND_LINE)
    Preference.objects.create(user=oscar, time_zone=zone)
    factories.review(queue)
    intake.accept(queue, [factories.received("not JSON")])
    day.order("ORD-1", oscar)
    browser, chosen, sent = Browser(oscar), random.Random(zone), 0

    forms = list(browser.forms())
    for method, action, fields in forms:
        for name in fields:
            for value in chosen.sample(ODD, EACH):
                address = action.split("#")[0] if method == "post" else action.split("?")[0]
                browser.send(method, address, fields | {name: value})
                sent += 1

    assert len(forms) > 40
    assert sent > 300
    assert browser.failed == []
