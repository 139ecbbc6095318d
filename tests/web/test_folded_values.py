"""Values that a queue calls sensitive are shown in one place, folded, and in no other."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import ReviewQueue, User
from approvals.web.folded_values import without_sensitive
from tests import factories
from tests.web.conftest import Desk
from tests.web.pages import text


def sensitive(path: str, **more: Any) -> dict[str, Any]:
    """The settings of a sensitive field."""
    return {"path": path, "label": "Secret", "sensitive": True, **more}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("input.card", {"input": {"mail": {"to": "a"}, "list": [1, 2]}}),
        ("input.mail.to", {"input": {"card": "4111", "mail": {}, "list": [1, 2]}}),
        ("input.list.0", {"input": {"card": "4111", "mail": {"to": "a"}, "list": [None, 2]}}),
        ("input", {}),
        *[
            (path, {"input": {"card": "4111", "mail": {"to": "a"}, "list": [1, 2]}})
            for path in ("", "nowhere", "input.card.deeper", "input.list.7", "input.list.x")
        ],
    ],
)
def test_the_value_at_a_path_is_left_out_of_a_copy(path: str, left: dict[str, Any]) -> None:
    payload = {"input": {"card": "4111", "mail": {"to": "a"}, "list": [1, 2]}}
    assert without_sensitive(payload, [sensitive(path)]) == left
    assert payload["input"]["card"] == "4111"


def test_other_fields_and_settings_that_are_none_leave_out_nothing() -> None:
    payload = {"total": 5, "name": "Grace"}
    fields = [{"path": "name"}, sensitive("total", role="amount"), "nonsense", {"sensitive": True}]
    assert without_sensitive(payload, fields) == payload
    assert without_sensitive(payload, None) == payload
    assert without_sensitive([], [sensitive("name")]) == []


@pytest.mark.django_db
def test_a_sensitive_value_stands_once_on_the_page_beside_the_raw_message(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    fields = [sensitive("input.card"), sensitive("input.customer.email")]
    ReviewQueue.objects.filter(pk=queue.pk).update(fields=fields)
    order = {"card": "4111-1111", "customer": {"name": "Grace", "email": "grace@example.com"}}
    html = text(desk, alice, factories.review(queue, input=order))
    before_raw, _, raw = html.partition('class="raw"')
    for value in ("4111-1111", "grace@example.com"):
        assert before_raw.count(value) == 1
        assert value in raw
    assert "Grace" in before_raw
