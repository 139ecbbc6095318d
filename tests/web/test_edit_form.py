"""The form that edits an approval's output by the queue's JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewQueue, ReviewTask
from approvals.web.edit_form import EditForm, takes_edits
from tests import factories

pytestmark = pytest.mark.django_db
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number", "title": "Amount to refund", "maximum": 500},
        "note": {"type": "string", "maxLength": 200},
        "express": {"type": "boolean"},
        "carrier": {"enum": ["dhl", "ups", 7]},
        "address": {"type": "object"},
        "ship_on": {"type": "string", "format": "date"},
    },
}
INPUT = {"amount": 12.5, "note": "one\ntwo", "carrier": "ups", "address": {"city": "Ulm"}}
AS_IT_IS = {
    "edit-amount": "12.50",
    "edit-note": "one\r\ntwo",
    "edit-express": "",
    "edit-carrier": '"ups"',
    "edit-address": '{ "city":"Ulm" }',
    "edit-ship_on": "",
}


@pytest.fixture
def review(queue: ReviewQueue) -> ReviewTask:
    """A review of a queue that takes edits."""
    queue, _ = queues.save(queue.slug, {"output_schema": SCHEMA}, by=COMMAND_LINE)
    return factories.review(queue, input=INPUT)


def edits(review: ReviewTask, **changes: str) -> dict[str, Any]:
    """The edits of a form in which these fields were changed."""
    form = EditForm(review, AS_IT_IS | {f"edit-{name}": text for name, text in changes.items()})
    assert form.is_valid(), form.errors
    return form.edits()


def test_fields_begin_with_the_messages_values(review: ReviewTask) -> None:
    form = EditForm(review)

    assert {
        str(field.label): form.get_initial_for_field(field, name)
        for name, field in form.fields.items()
    } == {
        "Amount to refund": "12.5",
        "Note": "one\ntwo",
        "Express": "",
        "Carrier": '"ups"',
        "Address": '{\n "city": "Ulm"\n}',
        "Ship on": "",
    }
    assert 'type="date"' in str(form["ship_on"])


def test_what_was_not_changed_is_no_edit(review: ReviewTask) -> None:
    assert edits(review) == {}


@pytest.mark.parametrize(
    ("changes", "made"),
    [
        ({"amount": "13"}, {"amount": 13}),
        ({"amount": "0.10"}, {"amount": 0.1}),
        ({"note": "three"}, {"note": "three"}),
        ({"note": ""}, {"note": ""}),
        ({"express": "true"}, {"express": True}),
        ({"express": "false"}, {"express": False}),
        ({"carrier": "7"}, {"carrier": 7}),
        ({"address": '{"city": "Bonn"}'}, {"address": {"city": "Bonn"}}),
        ({"ship_on": "2026-12-24"}, {"ship_on": "2026-12-24"}),
        ({"amount": ""}, {}),
    ],
)
def test_what_was_changed_is_sent_by_its_type(
    review: ReviewTask, changes: dict[str, str], made: dict[str, Any]
) -> None:
    assert edits(review, **changes) == made


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("edit-amount", "12,50", "Amount to refund: Not a number"),
        ("edit-amount", '"12"', "Amount to refund: Not a number"),
        ("edit-amount", "true", "Amount to refund: Not a number"),
        ("edit-carrier", '"tnt"', "Carrier: Select a valid choice"),
        ("edit-address", "{city}", "Address: Not JSON"),
        ("edit-address", "[" * 9_000, "Address: Not JSON"),
        ("edit-note", "x" * 201, "Note: Ensure this value has at most 200 characters"),
    ],
)
def test_what_cannot_be_read_is_named(
    review: ReviewTask, field: str, typed: str, sentence: str
) -> None:
    form = EditForm(review, AS_IT_IS | {field: typed})
    assert not form.is_valid()
    assert form.first_error().startswith(sentence)


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"properties": {}}])
def test_a_queue_without_properties_has_no_form(queue: ReviewQueue, schema: Any) -> None:
    queue, _ = queues.save(queue.slug, {"output_schema": schema}, by=COMMAND_LINE)
    assert not takes_edits(factories.review(queue))


def test_a_deep_value_of_a_megabyte_makes_no_form_of_many(queue: ReviewQueue) -> None:
    queue, _ = queues.save(queue.slug, {"output_schema": SCHEMA}, by=COMMAND_LINE)
    deep: Any = [1] * 100_000
    for _ in range(40):
        deep = [deep]
    payload = factories.message(input={"address": deep, "note": "x" * 500_000})
    review = factories.review(queue, **payload)

    rows = {row.field.name: row for row in EditForm(review).rows()}

    assert len(str(EditForm(review))) < 1_000_000
    assert rows["address"].initial == ""
    unchanged = EditForm(review, {"edit-address": "", "edit-note": ""})
    assert (unchanged.is_valid(), unchanged.edits()) == (True, {})
