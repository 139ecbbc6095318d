"""The canary: a task token that is known to the test stands in no answer, header or log line."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable

import pytest

from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask, User
from tests import factories
from tests.callers import Caller

pytestmark = pytest.mark.django_db

TOKEN = "canary/AQC8+" + "Kx9" * 40


def test_no_answer_holds_the_token(
    call: Callable[..., Caller],
    lena: User,
    queue: ReviewQueue,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    people.grant_site(lena, "orders", by=COMMAND_LINE)
    api = call(lena)
    echo = {"again": [TOKEN], f"key {TOKEN}": {"deep": f"x{TOKEN}y"}}
    error = {"Error": "Failed", "Cause": json.dumps({"errorMessage": f"token {TOKEN}"})}
    review = factories.review(queue, taskToken=TOKEN, input=echo, title=TOKEN[:90], error=error)
    other = factories.review(queue)
    body = {"outcome": "approved", "undo_seconds": 5}

    answers = [
        api.get("reviews/"),
        api.get(f"reviews/{review.pk}/"),
        api.get("reviews/", {"q": "canary"}),
        api.get("queues/"),
        api.post(f"reviews/{review.pk}/claim/"),
        api.post(f"reviews/{review.pk}/renew/"),
        api.post(f"reviews/{review.pk}/release/"),
        api.post("queues/manual-review/next/"),
        api.get("queues/manual-review/settings/"),
        api.post("queues/manual-review/settings/", {"message_map": {"token": f"$.{TOKEN}"}}),
        api.post(f"reviews/{review.pk}/decisions/", body | {"edits": {"a": 1}}),
        decided := api.post(f"reviews/{review.pk}/decisions/", body),
        api.post(f"reviews/{review.pk}/decisions/", body),
        api.get("reviews/", {"status": "any"}),
        api.get(f"reviews/{review.pk}/events/"),
        api.post(f"decisions/{decided.json()['decision']['id']}/undo/"),
        api.get(f"reviews/{other.pk}/events/"),
        many := api.post(
            "bulk-decisions/",
            {"outcome": "rejected", "reviews": [str(review.pk)], "reason": TOKEN},
        ),
        api.get(f"bulk-decisions/{many.json()['id']}/"),
        api.get("orders/"),
        api.post("orders/", {"order_id": 1}),
        api.get("/api/schema/"),
    ]

    output = "".join(answer.content.decode() + str(answer.headers) for answer in answers)
    output += caplog.text + "".join(capsys.readouterr())
    for disguise in (TOKEN, json.dumps(TOKEN)[1:-1], base64.b64encode(TOKEN.encode()).decode()):
        assert disguise not in output
    assert "[task token]" in output


def test_the_sealed_columns_are_named_in_no_answer(api: Caller, review: ReviewTask) -> None:
    output = api.get(f"reviews/{review.pk}/").content + api.get("reviews/").content

    for column in (b"raw_body", b"sealed", b"fingerprint", b"sqs_message_id"):
        assert column not in output
