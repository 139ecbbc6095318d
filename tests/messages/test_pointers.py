"""S3 pointers of the extended clients: each form is recognised, opened where fetched, and named where not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from approvals import messages
from approvals.messages import Extras, PointerNotRead, pointers
from approvals.messages.pointers import Pointer

CASES = Path(__file__).parent / "cases"
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc/token+0123456789=="
BODY = json.dumps({"taskToken": TOKEN, "orderId": "1"})
PLACE = {"s3BucketName": "big-messages", "s3Key": "k/1"}
FORMS: list[Any] = [
    ["software.amazon.payloadoffloading.PayloadS3Pointer", PLACE],
    ["com.amazon.sqs.javamessaging.MessageS3Pointer", PLACE],
    PLACE,
    {"S3Payload": {"Id": "i", "Bucket": "big-messages", "Key": "k/1", "Location": "l"}},
    {"S3MessageBodyKey": "(big-messages)k/1"},
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form)[:24])
def test_every_form_is_recognised_and_opened_where_its_object_was_fetched(form: Any) -> None:
    assert pointers.of_value(form) == Pointer("big-messages", "k/1")

    with pytest.raises(PointerNotRead) as refused:
        messages.parse(json.dumps(form))
    assert (refused.value.reason, refused.value.pointer) == ("s3_pointer", pointers.of_value(form))
    assert "s3://big-messages/k/1" in refused.value.explanation
    assert "--pointer-bucket" in refused.value.explanation

    request = messages.parse(json.dumps(form), Extras(fetched=BODY))
    assert (request.token.reveal(), request.envelopes) == (TOKEN, ("S3 object in big-messages",))


def test_the_pointer_of_the_node_client_stands_in_an_attribute() -> None:
    extras = Extras({"S3MessageBodyKey": "(big-messages)k/1"}, BODY)

    assert messages.parse("anything", extras).token.reveal() == TOKEN


def test_a_pointer_with_two_more_members_and_names_of_any_length_of_s3_is_one() -> None:
    form = {"s3BucketName": "b", "s3Key": "k" * 1024, "a": 1, "b": 2}

    assert pointers.of_value(form) == Pointer("b", "k" * 1024)
    assert pointers.of_value({"s3BucketName": "b", "s3Key": "k"}) == Pointer("b", "k")


def test_an_object_that_was_not_read_is_named_by_its_beginning() -> None:
    form = json.dumps({"s3BucketName": "big", "s3Key": "k" * 1024})

    with pytest.raises(PointerNotRead) as refused:
        messages.parse(form)

    assert f"'s3://big/{'k' * 111}'" in refused.value.explanation


def test_the_explanation_of_a_pointer_is_cut_to_the_300_characters_that_are_kept() -> None:
    with pytest.raises(PointerNotRead) as refused:
        messages.parse(json.dumps({"s3BucketName": "big", "s3Key": "\n" * 1024}))

    assert len(refused.value.explanation) == 300


def test_an_envelope_in_s3_is_named_by_the_beginning_of_its_bucket() -> None:
    form = json.dumps({"s3BucketName": "b" * 64, "s3Key": "k"})

    assert messages.parse(form, Extras(fetched=BODY)).envelopes == (f"S3 object in {'b' * 63}",)


def test_the_case_is_quarantined_with_the_name_of_the_envelope() -> None:
    with pytest.raises(PointerNotRead) as refused:
        messages.parse((CASES / "10-s3-pointer.txt").read_text(), Extras(not_fetched="it is gone."))

    assert "S3 pointer" in refused.value.explanation
    assert "it is gone." in refused.value.explanation


def test_a_pointer_to_a_pointer_is_not_followed() -> None:
    with pytest.raises(PointerNotRead):
        messages.parse(json.dumps(FORMS[0]), Extras(fetched=json.dumps(FORMS[2])))


@pytest.mark.parametrize(
    "value",
    [None, 5, [], ["S3Pointer"], ["S3Pointer", 1], ["S3Pointer", {"s3BucketName": "b"}],
     {"s3BucketName": "b", "s3Key": 1}, {"S3MessageBodyKey": "k"}, {"s3BucketName": "", "s3Key": "k"},
     {"s3BucketName": "b\0", "s3Key": "k"}, {"s3BucketName": "b", "s3Key": "\ud800"},
     PLACE | dict.fromkeys("abc"), ["S3Pointer", PLACE, 1], ["a class", PLACE],
     {"s3BucketName": "b", "s3Key": "k" * 1025}],
)  # fmt: skip
def test_what_names_no_object_is_no_pointer(value: Any) -> None:
    assert pointers.of_value(value) is None
