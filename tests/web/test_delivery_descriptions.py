"""The words for every delivery state and detail."""

from __future__ import annotations

import pytest

from approvals.models.outbox import DeliveryState, Detail
from approvals.web.delivery_descriptions import BY_DETAIL, BY_STATE, ICONS

pytestmark = pytest.mark.django_db


def test_every_delivery_state_and_detail_has_words() -> None:
    of_executions = {Detail.NOT_REDRIVABLE, Detail.REFUSED}
    assert set(BY_STATE) == set(ICONS) == set(DeliveryState)
    assert {detail for _, detail in BY_DETAIL} == set(Detail) - of_executions
    assert {state for state, _ in BY_DETAIL} <= set(DeliveryState)


def test_an_unread_history_is_not_called_unreadable() -> None:
    sentence = BY_DETAIL["unconfirmed", "history_unreadable"].sentence
    assert "has not been read" in sentence
    assert "could not be read" not in sentence
    assert "reports the step closed" in sentence
