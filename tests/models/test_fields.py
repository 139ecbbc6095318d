"""Documents: what PostgreSQL could not keep is refused with its place, and large ones are read as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue, ReviewTask
from approvals.models.fields import DocumentField, LargeDocumentField
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2.5, -0.0, null, true, "\\u00e9\\n\\ud83d\\ude00"], "": {}}',
        str(2**63 - 1),
        str(2**64 + 1),
        f'["{"7" * 30}", {10**400}]',
        "0.00000000000000000000012345678901234567",
        f"{'[' * 500}{']' * 500}",
    ],
    ids=["values", "int64", "beyond 64 bits", "huge", "small", "deep"],
)
def test_a_large_document_is_read_as_pythons_own_parser_reads_it(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [text])
        (stored,) = cursor.fetchone()

    found = LargeDocumentField().from_db_value(stored, None, connection)

    assert repr(found) == repr(json.loads(stored))


@pytest.mark.parametrize(("model", "name"), [(ReviewQueue, "policy"), (ReviewTask, "payload")])
def test_in_a_migration_it_is_a_plain_field_of_json(model: Any, name: str) -> None:
    _, path, *_ = model._meta.get_field(name).deconstruct()

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
