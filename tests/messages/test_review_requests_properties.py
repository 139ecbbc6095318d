"""Properties of intake: any JSON with a token, in any envelopes, is one review, and any text is kept."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.actions import intake
from approvals.messages import Extras
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.records import quarantined_messages
from approvals.records.received_messages import Received
from tests.factories import received

pytestmark = pytest.mark.django_db
QUICK = settings(
    max_examples=60,
    deadline=timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Wrap = Callable[[str], str]


def _sns(text: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:t", "Message": text})


def _event(text: str) -> str:
    return json.dumps({"detail-type": "d", "source": "s", "detail": json.loads(text)})


def _record(text: str) -> dict[str, str]:
    return {"messageId": "m", "body": text, "eventSource": "aws:sqs"}


WRAPS: dict[str, Wrap] = {
    "sns": _sns,
    "event": _event,
    "lambda": lambda text: json.dumps({"Records": [_record(text)]}),
    "pipes": lambda text: json.dumps(_record(text)),
    "batch": lambda text: json.dumps([_record(text)]),
    "text": json.dumps,
    "cloud event": lambda text: json.dumps({"specversion": "1.0", "data": text}),
    "http": lambda text: json.dumps({"httpMethod": "POST", "body": text}),
    "request": lambda text: json.dumps({"QueueUrl": "q", "MessageBody": text}),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
}
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["\0", "\ud800", 10**80, "\u202e", "<script>", "{% x %}", "$.a"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=20,
)
fields = st.dictionaries(
    st.one_of(
        st.sampled_from(
            [
                "orderId",
                "order_id",
                "error",
                "input",
                "title",
                "priority",
                "timeoutSeconds",
                "token",
                "itemIndex",
            ]
        ),
        st.text(max_size=12).filter(lambda key: "token" not in key.lower()),
    ),
    values,
    max_size=5,
)
tokens = st.text("ABCDEFGHIJKLMNOPabcdefghij0123456789+/=", min_size=16, max_size=600)
names = st.sampled_from(["taskToken", "TaskToken", "task_token", "task-token"])


@QUICK
@given(
    token=tokens,
    name=names,
    about=fields,
    wraps=st.builds(
        lambda first, others: first + others,
        st.sampled_from([["event"], []]),  # its detail is an object, so it lies innermost
        st.lists(st.sampled_from(sorted(set(WRAPS) - {"event"})), max_size=3),
    ),
)
def test_any_json_with_a_token_in_any_envelopes_is_one_review_whose_page_renders(
    token: str,
    name: str,
    about: dict[str, Any],
    wraps: list[str],
    queue: ReviewQueue,
    alice: User,
) -> None:
    ReviewTask.objects.all().delete()
    body = json.dumps({**about, name: token})
    for wrap in wraps:
        body = WRAPS[wrap](body)

    assert intake.accept(queue, [received(body)]).reviews == 1
    assert intake.accept(queue, [received(body)]).duplicates == 1

    review = ReviewTask.objects.get()
    assert token not in json.dumps(review.payload)
    client = Client()
    client.force_login(alice)
    response = client.get(reverse("review", args=[review.pk]))
    assert response.status_code == 200
    assert token not in response.content.decode()


@QUICK
@given(
    body=st.one_of(
        st.text(),
        st.text('{}[]",:\\u0de\ufeff 19truefalsn'),
        st.binary().map(lambda raw: base64.b64encode(raw).decode()),
        st.binary().map(lambda raw: base64.b64encode(b"\x1f\x8b" + raw).decode()),
        values.map(json.dumps),
        st.builds(lambda text, wrap: wrap(text), st.text(), st.sampled_from([_sns, json.dumps])),
    ),
    attributes=st.dictionaries(
        st.sampled_from(["taskToken", "token", "S3MessageBodyKey", "orderId"]), st.text(max_size=30)
    ),
)
def test_any_text_is_a_review_or_in_quarantine(
    body: str, attributes: dict[str, str], queue: ReviewQueue
) -> None:
    arrival = received(body)
    arrival = Received(body, arrival.message_id, arrival.sent_at, Extras(attributes))

    taken = intake.accept(queue, [arrival])

    assert taken.reviews + taken.duplicates + taken.quarantined == 1
    for row in QuarantinedMessage.objects.filter(sqs_message_id=arrival.message_id):
        assert row.reason not in {"parser_failed", "not_storable"}
        assert quarantined_messages.body_of(row).decode(errors="surrogatepass") == body
        quarantined_messages.redacted_body(row)
