"""Review queues: which settings are refused, by the verb and by the database, and which nothing reads yet."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.actions import queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue
from approvals.untrusted import flag_rules
from tests import factories
from tests.models.constraints import assert_refused

pytestmark = pytest.mark.django_db

TOTAL = {"path": "input.total", "kind": "money", "role": "amount"}

FLAGGED = {"path": "input.note", "flag_when": {"is_like": "urgent"}}  # no rule of this release

REQUESTER = {"path": "input.by", "role": "requester"}


def save(queue: ReviewQueue, **changes: Any) -> ReviewQueue:
    saved, _ = queues.save(queue.slug, changes, by=COMMAND_LINE)
    return saved


def store(queue: ReviewQueue, **columns: Any) -> ReviewQueue:
    """A queue as an earlier release has stored it."""
    ReviewQueue.objects.filter(pk=queue.pk).update(**columns)
    return ReviewQueue.objects.get(pk=queue.pk)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            [TOTAL, FLAGGED],
            f"fields: at /1/flag_when: {flag_rules.USAGE}",
        ),
        ([REQUESTER], "fields: at /0/role: The role requester is not in use yet: leave it empty."),
    ],
)
def test_a_new_setting_that_nothing_reads_is_refused(
    queue: ReviewQueue, fields: list[Any], sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        save(queue, fields=fields)
    with pytest.raises(Invalid) as refused_at_once:
        factories.queue("new", fields=fields)

    assert refused.value.message == sentence
    assert refused_at_once.value.message == sentence
    assert not ReviewQueue.objects.filter(slug="new").exists()


def test_a_queue_escalates_to_another_but_not_to_itself(queue: ReviewQueue) -> None:
    leads = factories.queue("leads")
    assert save(queue, escalate_to=leads).escalate_to == leads

    with pytest.raises(Invalid, match="the queue's own leads"):
        save(queue, escalate_to=queue)


def test_what_an_earlier_release_stored_stays_and_may_be_taken_out(queue: ReviewQueue) -> None:
    leads = factories.queue("leads")
    store(queue, escalate_to=leads, fields=[FLAGGED, REQUESTER])

    saved = save(queue, name="Renamed", fields=[TOTAL, REQUESTER, FLAGGED], escalate_to=leads)
    assert (saved.name, saved.escalate_to) == ("Renamed", leads)
    assert saved.fields == [TOTAL, REQUESTER, FLAGGED]
    assert save(queue, fields=[TOTAL], escalate_to=None).unused_settings() == []
    with pytest.raises(Invalid, match="A rule is an object"):
        save(queue, fields=[TOTAL, FLAGGED])


@pytest.mark.parametrize(
    "changed",
    [
        {"fields": [FLAGGED | {"flag_when": {"is_like": "late"}}, REQUESTER]},
        {"fields": [FLAGGED, REQUESTER | {"path": "input.other"}]},
        {"fields": [FLAGGED, REQUESTER | {"flag_when": {"is_like": "urgent"}}]},
    ],
)
def test_a_stored_setting_cannot_be_changed_into_another(
    queue: ReviewQueue, changed: dict[str, Any]
) -> None:
    store(queue, fields=[FLAGGED, REQUESTER])

    with pytest.raises(Invalid, match=r"not in use yet|A rule is an object"):
        save(queue, **changed)


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_flag_is_no_setting(queue: ReviewQueue, empty: Any) -> None:
    assert save(queue, fields=[TOTAL | {"flag_when": empty}]).unused_settings() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"error_name": "States.Timeout"}, {"error_name": ""}, {"error_name": "two words"},
        {"timeout_seconds": 0}, {"timeout_seconds": 366 * 86_400}, {"reject_as": "shrug"},
        {"at_deadline": "panic"}, {"lease_seconds": 1}, {"undo_seconds": 3_601}, {"sqs_url": "no url"},
        {"output_schema": {"type": "strin"}}, {"output_schema": 7},
    ],
)  # fmt: skip
def test_a_queue_cannot_be_given_a_value_it_cannot_live_with(
    changes: dict[str, Any], queue: ReviewQueue
) -> None:
    with pytest.raises(Invalid) as refused:
        queues.save("manual-review", changes, by=COMMAND_LINE)

    assert refused.value.message.startswith(f"{next(iter(changes))}: ")


@pytest.mark.parametrize(
    "columns", [{"error_name": "States.X"}, {"error_name": ""}, {"timeout_seconds": 0}]
)
def test_the_database_keeps_a_queue_sane_too(columns: dict[str, Any], queue: ReviewQueue) -> None:
    assert_refused("queue_", lambda: ReviewQueue.objects.update(**columns))
