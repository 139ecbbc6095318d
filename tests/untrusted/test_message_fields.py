"""The names of a message's fields: which keys are spellings of which field."""

from __future__ import annotations

import pytest

from approvals.untrusted import message_fields


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("taskToken", "taskToken"), ("TASK_TOKEN", "taskToken"), ("task-token", "taskToken"),
        ("order id", "orderId"), ("OrderID", "orderId"), ("tokens", ""), ("token", ""), ("", ""),
        ("_" * 100 + "taskToken", ""), ("taskToken.$", ""),
    ],
)  # fmt: skip
def test_a_key_names_the_field_that_it_spells(key: str, field: str) -> None:
    assert message_fields.field_of(key) == field
    assert message_fields.is_token_name(key) == (field == "taskToken")


def test_the_fields_own_name_comes_first() -> None:
    document = {"order_id": 1, "other": 2, "orderId": 3}

    assert list(message_fields.standing(document, "orderId")) == [("orderId", 3), ("order_id", 1)]
    assert message_fields.value_of(document, "orderId") == 3
    assert message_fields.value_of(document, "title") is None
    assert message_fields.by_field(document) == {"orderId": [("orderId", 3), ("order_id", 1)]}
