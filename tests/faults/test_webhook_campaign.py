"""The campaign: thousands of replayed and bit-flipped calls, after which everything is as it was.

`WEBHOOK_CALLS` says how many (the campaign's number is 10000); without it the sweep is a short one.
They go to the view itself: ten middlewares a call would only make it slow.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import random
from collections.abc import Iterator

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory

from approvals.api.views import webhooks
from approvals.models import IdempotencyKey, ReviewQueue, User
from tests import factories
from tests.api.signing import PATH, Sender, about, issue

pytestmark = pytest.mark.django_db

CALLS = int(os.environ.get("WEBHOOK_CALLS", "1500"))
SEED = int(os.environ.get("WEBHOOK_SEED", "3"))
TABLES = ("vote", "decision", "outboxentry", "outboxattempt", "auditevent", "reviewtask", "comment")


VIEW = webhooks.WebhookDecisions.as_view()


class Direct(Sender):
    """A sender that calls the view itself, without middleware."""

    def post(self, raw: bytes, headers: dict[str, str]) -> HttpResponse:
        """As over HTTP, without the middleware."""
        request = RequestFactory().generic(
            "POST", PATH, raw, content_type="application/json", headers=headers
        )
        answer: HttpResponse = VIEW(request)
        return answer


def everything() -> dict[str, list[str]]:
    """Every row that a decision could touch, as text, with the idempotency keys beside them."""
    rows = {}
    with connection.cursor() as cursor:
        for table in (*TABLES, "receipt"):
            cursor.execute(f"SELECT t::text FROM approvals_{table} t ORDER BY 1")  # noqa: S608
            rows[table] = [row for (row,) in cursor.fetchall()]
    return rows


def flipped(
    chance: random.Random, body: bytes, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    """The same call with one bit of its body or of a header flipped."""
    name = chance.choice(["body", *headers])
    raw = bytearray(body if name == "body" else headers[name].encode())
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    if name == "body":
        return bytes(raw), headers
    return body, headers | {name: raw.decode("latin-1")}


@pytest.fixture
def silence() -> Iterator[None]:
    """Thousands of refusals are not worth their log lines."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("silence")
@pytest.mark.campaign
def test_replayed_and_flipped_calls_change_nothing(
    alice: User, bob: User, queue: ReviewQueue
) -> None:
    chance = random.Random(SEED)
    sender = Direct(issue().secret)
    decided, refused, open_still = (factories.review(queue) for _ in range(3))
    decision = about(decided, approved=False, reason="Too risky")
    bodies = [
        json.dumps(body).encode()
        for body in (decision, about(decided, reviewer_email=bob.email), about(refused, reason=7))
    ]
    first = {}
    for number, body in enumerate(bodies):
        headers = sender.headers(body, f"msg-{number}")
        first[f"msg-{number}"] = (body, headers, sender.post(body, headers))
    statuses = [answer.status_code for _, _, answer in first.values()]
    assert statuses == [200, 409, 422]
    # Signed as it should be, and never sent as it was signed.
    never = json.dumps(about(open_still)).encode()
    unsent = sender.headers(never, "msg-unsent")
    before = everything()

    kinds = {"replayed": 0, "flipped": 0, "never sent": 0, "other body": 0}
    for _ in range(CALLS):
        kind = chance.choice(list(kinds))
        kinds[kind] += 1
        identity = chance.choice(list(first))
        body, headers, answer = first[identity]
        if kind == "replayed":
            again = sender.post(body, headers)
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
        elif kind == "other body":
            assert sender.send(never, identity).status_code == 409
        else:
            call = (never, unsent) if kind == "never sent" else (body, headers)
            assert sender.post(*flipped(chance, *call)).status_code == 401, SEED

    assert sum(kinds.values()) == CALLS
    assert min(kinds.values()) > CALLS / 8
    assert everything() == before
    assert IdempotencyKey.objects.count() == len(first)
    assert sender.post(never, unsent).status_code == 200, "a valid request is accepted all the time"


def test_without_the_comparison_the_campaign_would_notice(
    alice: User, queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender: Sender = issue()
    body = json.dumps(about(factories.review(queue))).encode()
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    before = everything()

    flipped_body, headers = body.replace(b"true", b"truE"), sender.headers(body)

    assert sender.post(flipped_body, headers).status_code == 422
    assert sender.post(body, headers | {"webhook-id": "another"}).status_code == 200
    assert everything() != before
