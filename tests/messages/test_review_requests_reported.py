"""Messages made after further public samples: what each becomes, through intake to the review's page."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.actions import intake
from approvals.messages import Extras
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.records import quarantined_messages
from approvals.records.received_messages import Received

pytestmark = pytest.mark.django_db
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789==" * 2
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:a:b"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:a"
SENT = {"TaskToken": TOKEN, "orderId": 7}
TEXT = json.dumps(SENT)
PACKED = base64.b64encode(TEXT.encode()).decode()
ZIPPED = base64.b64encode(gzip.compress(TEXT.encode(), mtime=0)).decode()
SEVEN = {"reference": "7"}


def sns(message: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:::t", "Message": message, **more}


# The sender's sample or library: the body, the attributes, and columns of the review.
REVIEWS: dict[str, tuple[Any, dict[str, str], dict[str, Any]]] = {
    "callback sample of AWS": (
        {"MessageTitle": "Task started by Step Functions.", "TaskToken": TOKEN}, {}, {"reference": ""},
    ),
    "hello sample of AWS": ({"Message": "Hello", "TaskToken": TOKEN}, {}, {"reference": ""}),
    "Token": ({"Token": TOKEN, "orderId": 7}, {}, SEVEN),
    "TOKEN": ({"TOKEN": TOKEN, "ORDER_ID": 7}, {}, SEVEN),
    "blank in the name": ({"Task Token": TOKEN, "Order Id": 7}, {}, SEVEN),
    "an empty spelling before": ({"taskToken": "", **SENT}, {}, SEVEN),
    "executionId": ({**SENT, "executionId": EXECUTION}, {}, {"execution_arn": EXECUTION}),
    "an id that is no ARN": ({**SENT, "executionId": "abc"}, {}, {"execution_arn": ""}),
    "catch at the top": (
        {**SENT, "Error": "States.TaskFailed", "Cause": '{"errorMessage": "boom"}'}, {},
        {"error_name": "States.TaskFailed", "error_cause": "boom"},
    ),
    "error of a Lambda": (
        {**SENT, "error": {"errorType": "KeyError", "errorMessage": "'total'"}}, {},
        {"error_name": "KeyError", "error_cause": "'total'"},
    ),
    "error of JavaScript": (
        {**SENT, "error": {"name": "TypeError", "message": "x is undefined"}}, {},
        {"error_name": "TypeError", "error_cause": "x is undefined"},
    ),
    "error in a text": (
        {**SENT, "error": '{"errorType": "E", "errorMessage": "m"}'}, {},
        {"error_name": "E", "error_cause": "m"},
    ),
    "SNS by Lambda, no topic": ({"MessageId": "m", "Message": TEXT}, {}, SEVEN),
    "SNS, token in its attribute": (
        sns("Please look.", MessageAttributes={"taskToken": {"Type": "String", "Value": TOKEN}}), {},
        {"envelopes": ["SNS notification"]},
    ),
    "raw SNS, Token in an attribute": ("Please look.", {"Token": TOKEN, "orderId": "7"}, SEVEN),
    "another token in an attribute": (SENT, {"token": "of the sender's own API"}, SEVEN),
    "bare in body, named in an attribute": (
        {"token": "tok_visa_4242", "orderId": 7}, {"TASK_TOKEN": TOKEN}, SEVEN,
    ),
    "putEvents of Step Functions": (
        {"detail-type": "t", "source": "s", "resources": [MACHINE, EXECUTION], "detail": SENT}, {},
        {"execution_arn": EXECUTION},
    ),
    "CloudEvent": ({"specversion": "1.0", "type": "t", "data": SENT}, {}, {"envelopes": ["CloudEvent"]}),
    "CloudEvent with text": ({"specversion": "1.0", "data": TEXT}, {}, SEVEN),
    "CloudEvent with base64": ({"specversion": "1.0", "data_base64": PACKED}, {}, SEVEN),
    "event of API Gateway": ({"httpMethod": "POST", "body": TEXT}, {}, {"envelopes": ["HTTP request"]}),
    "event of a function URL": ({"isBase64Encoded": True, "body": PACKED}, {}, SEVEN),
    "request to SQS": ({"QueueUrl": "q", "MessageBody": SENT}, {}, {"envelopes": ["request to SQS"]}),
    "list of one": ([SENT], {}, {"envelopes": ["list of one"]}),
    "gzip in an event of API Gateway": ({"httpMethod": "POST", "body": ZIPPED}, {}, SEVEN),
    "number with a point": ({"TaskToken": TOKEN, "orderId": 7.0}, {}, SEVEN),
    "one large number": (
        {"TaskToken": TOKEN, "orderId": 12345678901234567890}, {}, {"reference": "12345678901234567890"},
    ),
}  # fmt: skip


def arrival(body: Any, attributes: dict[str, str]) -> Received:
    """The message as SQS gives it."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Received(text, str(uuid.uuid4()), datetime.now(UTC), Extras(attributes))


@pytest.mark.parametrize("name", REVIEWS)
def test_a_message_as_others_send_it_is_a_review_whose_page_hides_the_token(
    name: str, queue: ReviewQueue, alice: User
) -> None:
    body, attributes, columns = REVIEWS[name]

    assert intake.accept(queue, [arrival(body, attributes)]).reviews == 1

    review = ReviewTask.objects.get()
    assert {column: getattr(review, column) for column in columns} == columns
    client = Client()
    client.force_login(alice)
    response = client.get(reverse("review", args=[review.pk]))
    assert response.status_code == 200
    assert TOKEN not in response.content.decode()
    assert TOKEN not in json.dumps(review.payload)


MAP = "map it (register_queue --map token="
REFUSED: dict[str, tuple[Any, str, str]] = {
    "name of a sample": ({"MyTaskToken": TOKEN}, "no_token", f"{MAP}$.MyTaskToken)"),
    "below another key": ({"meta": {"taskToken": TOKEN}}, "no_token", f"{MAP}$.meta.taskToken)"),
    "the whole context": ({"Task": {"Token": TOKEN}}, "no_token", f"{MAP}$.Task.Token)"),
    "an item of DynamoDB": ({"taskToken": {"S": TOKEN}}, "no_token", f"{MAP}$.taskToken.S)"),
    "written as JSON twice": ({"taskToken": f'"{TOKEN}"'}, "not_a_token", "in quotes"),
    "two messages": ([SENT, SENT], "several_messages", "A list of 2 messages"),
    "two tokens beside each other": ({"token": TOKEN, "Token": TOKEN + "x"}, "several_tokens", "Different"),
    "JavaScript": ("[object Object]", "not_json", "JSON.stringify()"),
    "Java": (f"{{taskToken={TOKEN}, orderId=7}}", "not_json", "toString()"),
    "a form": (f"taskToken={TOKEN}&orderId=7", "not_json", "looks like a form"),
    "YAML": (f"taskToken: {TOKEN}", "not_json", "looks like YAML"),
    "lines of JSON": (f"{TEXT}\n{TEXT}", "not_json", "Several JSON values"),
    "parsed by half": (TEXT.replace('"', '\\"'), "not_json", "Its quotes are escaped"),
    "escaped for HTML": (TEXT.replace('"', "&quot;"), "not_json", "escaped for HTML"),
    "URL-encoded": ("%7B%22taskToken%22%3A1%7D", "not_json", "URL-encoded"),
    "with a comment": (f"// hi\n{TEXT}", "not_json", "no comments"),
    "the token alone": (TOKEN, "not_json", "a task token alone"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_quarantine_says_what_is_seen_and_how_it_is_mended(name: str, queue: ReviewQueue) -> None:
    body, reason, words = REFUSED[name]

    assert intake.accept(queue, [arrival(body, {})]).quarantined == 1

    row = QuarantinedMessage.objects.get()
    assert row.reason == reason
    assert words in row.explanation
    assert TOKEN[:20] not in row.explanation
    assert TOKEN not in quarantined_messages.redacted_body(row)
