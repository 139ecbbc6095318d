"""The gateway to SQS: attributes are asked for, partial failures are returned, a stop is not delayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from approvals.arns import Place
from approvals.exceptions import Unavailable
from approvals.gateways import aws, sqs
from approvals.polling import poller

URL = "https://sqs.eu-west-3.amazonaws.com/123456789012/reviews"
PLACE = Place("eu-west-3")


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """botocore's Stubber: parameters are validated, errors are the modelled ones."""
    with Stubber(aws.sqs(PLACE)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def message(number: int) -> sqs.Message:
    return sqs.Message(f"m{number}", f"r{number}", "{}", datetime.now(UTC))


def test_a_received_message_has_its_body_and_the_time_it_was_sent(stub: Stubber) -> None:
    attributes = {"SentTimestamp": "1767323045000"}
    stub.add_response(
        "receive_message",
        {
            "Messages": [
                {"MessageId": "m", "ReceiptHandle": "r", "Body": "b", "Attributes": attributes}
            ]
        },
        {
            "QueueUrl": URL,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 5,
            "MessageSystemAttributeNames": ["SentTimestamp", "DeadLetterQueueSourceArn"],
            "MessageAttributeNames": ["All"],
        },
    )

    received = sqs.receive(PLACE, URL, wait_seconds=5, limit=99)

    assert received == [sqs.Message("m", "r", "b", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))]


def test_an_empty_answer_is_no_message(stub: Stubber) -> None:
    stub.add_response("receive_message", {})

    assert sqs.receive(PLACE, URL, wait_seconds=0) == []


def test_a_delete_tells_which_messages_sqs_kept(stub: Stubber) -> None:
    failed = [{"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}]
    stub.add_response("delete_message_batch", {"Successful": [{"Id": "0"}], "Failed": failed})
    stub.add_response("delete_message_batch", {"Successful": [{"Id": "0"}], "Failed": []})

    assert sqs.delete(PLACE, URL, [message(1), message(2)]) == ["m2"]
    assert sqs.delete(PLACE, URL, [message(1)]) == []


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ("receive_message", lambda: sqs.receive(PLACE, URL, wait_seconds=0)),
        ("delete_message_batch", lambda: sqs.delete(PLACE, URL, [message(1)])),
    ],
)
def test_a_refusal_of_sqs_names_its_code_and_the_queue(
    call: str, made: Callable[[], Any], stub: Stubber
) -> None:
    stub.add_client_error(call, "AWS.SimpleQueueService.NonExistentQueue", "gone")

    with pytest.raises(Unavailable, match=r"NonExistentQueue.*reviews"):
        made()


def test_nobody_listening_is_queue_unavailable(settings: Any) -> None:
    aws.forget()
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        sqs.receive(PLACE, "http://127.0.0.1:9/1/q", wait_seconds=0)


def test_a_silent_sqs_holds_up_a_stop_for_less_than_thirty_seconds() -> None:
    config: Any = aws.sqs(PLACE).meta.config
    attempts = config.retries["total_max_attempts"]

    assert config.read_timeout > poller.WAIT_SECONDS + 5
    assert attempts * (config.connect_timeout + config.read_timeout) < 30
