"""Duplicates: which message of one token counts, and which equal JSON is no conflict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.models import ReviewQueue, ReviewTask
from approvals.records import duplicates, new_reviews
from tests import factories
from tests.factories import message

pytestmark = pytest.mark.django_db


def test_of_two_messages_with_one_token_the_first_becomes_the_review(queue: ReviewQueue) -> None:
    body = message(title="first")
    items = [factories.readable(queue, body), factories.readable(queue, body | {"title": "second"})]

    new_reviews.insert(queue, items)

    assert ReviewTask.objects.get().title == "first"
    reviews = duplicates.stored(items)
    assert duplicates.refusal_of(items[0], reviews) is None
    refusal = duplicates.refusal_of(items[1], reviews)
    assert refusal is not None
    assert refusal.reason == "conflict"
    assert str(ReviewTask.objects.get().pk) in refusal.explanation


def test_a_message_that_is_not_admitted_becomes_no_review(queue: ReviewQueue) -> None:
    queue = factories.queue(queue.slug, state_machine_arns=[message()["stateMachineArn"] + "-2"])
    item = factories.readable(queue)

    assert new_reviews.insert(queue, [item]).rows == []

    refusal = duplicates.refusal_of(item, duplicates.stored([item]))
    assert refusal is not None
    assert refusal.reason == "not_admitted"


def test_the_same_json_in_another_spelling_is_the_same_message(queue: ReviewQueue) -> None:
    body = message()
    new_reviews.insert(queue, [factories.readable(queue, body)])
    spelt = json.dumps(dict(reversed(body.items())), indent=3)

    again = factories.readable(queue, spelt)

    assert duplicates.refusal_of(again, duplicates.stored([again])) is None


def test_without_its_key_the_stored_message_counts_as_another(
    queue: ReviewQueue, settings: Any
) -> None:
    body = message()
    new_reviews.insert(queue, [factories.readable(queue, body)])
    settings.TOKEN_KEYS = {"another": bytes(32)}

    again = factories.readable(queue, json.dumps(body, indent=3))

    refusal = duplicates.refusal_of(again, duplicates.stored([again]))
    assert refusal is not None
    assert refusal.reason == "conflict"
