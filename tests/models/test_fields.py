"""Documents that people write: what PostgreSQL could not keep is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue
from approvals.models.fields import DocumentField
from approvals.records.audit_kinds import AuditKind
from tests import factories


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"a": ["", "x\0"]}, "at /a/1: A text holds the NUL character."),
        ({"a": {"b": "\ud800"}}, "at /a/b: A text holds half of a surrogate pair."),
        (float("nan"), "A number is longer or larger than can be stored."),
    ],
)
def test_what_cannot_be_stored_is_refused_in_a_sentence(document: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DocumentField().clean(document, None)

    assert refused.value.messages == [sentence]


def test_a_document_that_can_be_stored_is_taken_as_it_is() -> None:
    document = {"a": [1, 2.5, None, {"b": "é"}]}

    assert DocumentField().clean(document, None) == document


def test_in_a_migration_it_is_a_plain_field_of_json() -> None:
    _, path, *_ = ReviewQueue._meta.get_field("policy").deconstruct()

    assert path == "django.db.models.JSONField"


@pytest.mark.django_db(transaction=True)
def test_events_that_are_written_together_have_one_transaction(queue: ReviewQueue) -> None:
    for writes in (2, 1):
        with transaction.atomic():
            for _ in range(writes):
                factories.event(queue, AuditKind.QUEUE_CHECK_ASKED, by=COMMAND_LINE)

    events = AuditEvent.objects.filter(kind="queue.check_asked").order_by("seq")
    first, second, third = (event.transaction for event in events)
    assert first == second != third
