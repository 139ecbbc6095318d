"""A confirmation is sent once; a mailbox that does not exist is refused."""

from __future__ import annotations

import pytest

from approvals.orchestration.lambdas import ledger, send_email
from approvals.orchestration.lambdas.failures import MailboxUnavailable
from tests.orchestration.lambdas.payments import new, numbers

pytestmark = pytest.mark.usefixtures("tables")


def test_function_that_runs_again_sends_nothing_twice() -> None:
    placed = new("paid")

    answers = [send_email.handler(placed, None) for _ in range(2)]

    assert [answer["repeated"] for answer in answers] == [False, True]
    assert ledger.find(placed["order_id"], "email#confirmation") is not None


def test_customer_of_the_textbook_may_be_a_plain_string() -> None:
    placed = {"order_id": f"plain-{next(numbers)}", "customer": "C-1", "amount": 5}

    assert send_email.handler(placed, None)["sent"] is True


def test_mail_can_be_refused() -> None:
    with pytest.raises(MailboxUnavailable):
        send_email.handler(new("paid") | {"customer": {"email": "a@bounce.example"}}, None)
