"""Form fields of the admin site: documents and people."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from approvals.admin.fields import DocumentField, PersonField
from approvals.models import User

pytestmark = pytest.mark.django_db


def test_a_document_reads_back_as_it_was_whatever_its_characters() -> None:
    field = DocumentField(empty={})
    document = {"label": "a\u202eb\U000e0001\t\u00e9"}
    text = field.prepare_value(document)
    assert field.clean(text) == document
    assert not {"\u202e", "\U000e0001"} & set(text)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{\n  "a": [b]\n}', "No JSON at line 2, column 9: Expecting value."),
        ('{"a": 1, "a": 2}', "twice"),
        ("1e400", "number"),
        ("9" * 5_000, "digits"),
    ],
)
def test_a_text_that_is_no_document_is_refused_with_its_place(text: str, explanation: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        DocumentField(empty={}).clean(text)
    assert explanation in refusal.value.messages[0]


def test_an_empty_field_is_the_empty_document() -> None:
    assert DocumentField(empty=[]).clean(" ") == []


def test_a_person_is_found_by_their_address_in_any_case(alice: User) -> None:
    field = PersonField(required=False)

    assert field.clean("Alice@Example.com") == alice
    assert field.clean("") is None
    with pytest.raises(ValidationError, match=r"No user nobody@example\.com"):
        field.clean("nobody@example.com")
