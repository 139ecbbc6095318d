"""Held orders, end to end, with nothing pretended: real processes, a real workflow, real callbacks."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from approvals import arns
from local.order_traffic import order
from tests import desk as desks
from tests.conditions import wait_until
from tests.desk import PASSWORD, Desk, Program

_numbers = iter(range(7_000_000, 8_000_000))


def an_order(kind: str) -> dict[str, Any]:
    """An order of this kind that nobody has placed before."""
    return order(kind, next(_numbers))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The service with web, poller and worker running; no sweeper unless a test starts one."""
    tmp = tmp_path_factory.mktemp("flow")
    with desks.opened(tmp, {"ReviewTimeoutSeconds": "3600"}) as opened:
        opened.people(ada="reviewer")
        opened.start("web", "poller", "worker")
        yield opened


@pytest.fixture(scope="module")
def program(desk: Desk) -> Program:
    """A program of Ada's."""
    return desk.program("ada")


def signed_in(desk: Desk) -> requests.Session:
    """A browser without JavaScript in which Ada has signed in."""
    browser = requests.Session()
    page = browser.get(f"{desk.url}/accounts/login/", timeout=10)
    answer = browser.post(
        f"{desk.url}/accounts/login/",
        {
            "login": "ada@example.com",
            "password": PASSWORD,
            "csrfmiddlewaretoken": form_token(page.text),
        },
        timeout=10,
    )
    assert answer.ok
    assert "Your turn" in answer.text
    return browser


def form_token(page: str) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]


def test_a_paid_order_completes_without_anybody(desk: Desk, program: Program) -> None:
    arn = program.start(an_order("paid"))

    assert desk.ended(arn)["status"] == "SUCCEEDED"
    assert desk.states(arn)[-1] == "OrderCompleted"


def test_a_held_order_approved_over_rest_completes_through_celery_alone(
    desk: Desk, program: Program
) -> None:
    held = an_order("fraud")
    arn = program.start(held)
    review = program.review_of(held)
    assert review["error"]["name"] == "FraudSuspected"
    assert review["execution_arn"] == arn

    decided = program.post(
        f"reviews/{review['id']}/decisions/", {"outcome": "approved"}, status=201
    )

    assert decided["vote"]["outcome"] == "approved"
    assert program.delivered(review["id"])["delivery"]["detail"] == "acknowledged"
    assert desk.ended(arn)["status"] == "SUCCEEDED"
    assert desk.states(arn)[-1] == "OrderCompleted"
    assert desk.manage("verify_audit", "--review", review["id"]).startswith("1 chains verified, 0")


def test_a_held_order_rejected_in_the_browser_is_delivered_by_the_sweeper_without_a_broker(
    desk: Desk, program: Program
) -> None:
    held = an_order("fraud")
    arn = program.start(held)
    review = program.review_of(held)
    desk.kill_worker()
    desk.start("sweeper")
    try:
        browser = signed_in(desk)
        page = browser.get(f"{desk.url}/reviews/{review['id']}/reject/", timeout=10)
        answer = browser.post(
            page.url,
            {
                **hidden(page.text),
                "reason": "Five cards in ten minutes.",
                "csrfmiddlewaretoken": form_token(page.text),
            },
            timeout=10,
        )
        assert answer.ok

        seen = program.delivered(review["id"])
    finally:
        desk.stop("sweeper")
        desk.start("worker")
    assert seen["decision"]["reason"] == "Five cards in ten minutes."
    ended = desk.ended(arn)
    assert (ended["status"], ended["error"]) == ("FAILED", "OrderRejected")
    assert "ReviewRejected" in desk.states(arn)


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page's decision form."""
    form = page[page.index('name="reason"') - 4000 :] if 'name="reason"' in page else page
    fields = re.findall(r'type="hidden" name="(version|lease_id)" value="([^"]*)"', form)
    return dict(fields)


@pytest.fixture
def impatient_workflow(desk: Desk) -> Iterator[None]:
    """The order workflow with a review timeout of three seconds, which `start_order` starts meanwhile."""
    usual = desk.environment["ORDER_FULFILLMENT_STATE_MACHINE_ARN"]
    machine, _ = arns.split_qualifier(usual)
    deployed = desk.stepfunctions.describe_state_machine(stateMachineArn=machine)
    patient, impatient = (f"States.StringToJson('{seconds}')" for seconds in (3600, 3))
    assert patient in deployed["definition"]
    made = desk.stepfunctions.create_state_machine(
        name="impatient",
        definition=deployed["definition"].replace(patient, impatient),
        roleArn=deployed["roleArn"],
    )
    desk.environment["ORDER_FULFILLMENT_STATE_MACHINE_ARN"] = made["stateMachineArn"]
    yield
    desk.environment["ORDER_FULFILLMENT_STATE_MACHINE_ARN"] = usual


@pytest.mark.usefixtures("impatient_workflow")
def test_a_review_nobody_decides_takes_the_timeout_path(desk: Desk, program: Program) -> None:
    held = an_order("fraud")
    arn = desk.manage("start_order", "-", text=json.dumps(held)).strip()

    ended = desk.ended(arn)

    assert (ended["status"], ended["error"]) == ("FAILED", "OrderExpired")
    assert "ReviewExpired" in desk.states(arn)
    review = program.review_of(held)
    # Its time is counted from when SQS took the message, a little after the state was entered.
    deadline = datetime.fromisoformat(review["deadline_at"])
    wait_until(lambda: datetime.now(UTC) > deadline, seconds=3, what="the review's deadline")
    late = program.post(f"reviews/{review['id']}/decisions/", {"outcome": "approved"}, status=409)
    assert late["code"] == "deadline_passed"


def test_the_same_order_again_starts_nothing(desk: Desk) -> None:
    again = an_order("paid")
    text = json.dumps(again)

    first = desk.manage("start_order", "-", text=text)
    second = desk.manage("start_order", "-", text=text)

    assert first == second
    assert first.strip().startswith("arn:aws:states:")


def test_an_order_is_stored_and_the_command_says_so_while_aws_is_away(desk: Desk) -> None:
    away = {**desk.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    here, desk.environment = desk.environment, away
    try:
        said = desk.manage("start_order", "-", text=json.dumps(an_order("paid")), code=3)
    finally:
        desk.environment = here
    assert said == ""


def test_the_poller_and_the_sweeper_leave_within_thirty_seconds_of_sigterm(desk: Desk) -> None:
    desk.start("sweeper")
    started = time.monotonic()

    assert desk.stop("poller", "sweeper") == [0, 0]

    assert time.monotonic() - started < 30
    desk.start("poller")
