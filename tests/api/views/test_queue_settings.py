"""Settings of a queue over HTTP: leads and operators set its map of messages and its buckets."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from approvals.actions import intake, people, queues
from approvals.actors import COMMAND_LINE
from approvals.models import AuditEvent, ReviewQueue, ReviewTask, User
from tests import factories
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db
PATH = "queues/manual-review/settings/"
MAP = {"token": "$.callback.id", "reference": "$.order.no"}


@pytest.fixture
def lead(call: Callable[..., Caller], lena: User) -> Caller:
    """A lead's token without scopes."""
    return call(lena)


def changed(queue: ReviewQueue) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=f"queue:{queue.pk}", kind="queue.changed"))


def test_a_lead_maps_the_messages_and_the_next_one_is_read_by_the_map(
    lead: Caller, queue: ReviewQueue
) -> None:
    before = lead.get(PATH).json()
    assert before == {"slug": queue.slug, "version": 1, "message_map": {}, "pointer_buckets": []}

    answer = lead.post(PATH, {"message_map": MAP})

    version = answer.json()["version"]
    assert (answer.status_code, answer.json()["message_map"]) == (200, MAP)
    assert answer.headers["ETag"] == f'"{version}"' != '"1"'
    body = {"callback": {"id": "AQCEAAAAKgAAAAMAAAAA"}, "order": {"no": 7}}
    queue.refresh_from_db()
    assert intake.accept(queue, [factories.received(body)]).reviews == 1
    assert ReviewTask.objects.get().reference == "7"
    event = changed(queue)[0]
    assert (str(event.actor), event.surface) == ("lena@example.com", "api")
    assert event.data == {"message_map": ["{}", json.dumps(MAP)]}


def test_what_is_not_named_stays_and_what_stays_is_no_event(
    lead: Caller, queue: ReviewQueue
) -> None:
    lead.post(PATH, {"message_map": MAP, "pointer_buckets": ["large"]})

    for body in ({}, {"pointer_buckets": ["large"]}):
        shown = lead.post(PATH, body).json()
        assert (shown["message_map"], shown["pointer_buckets"]) == (MAP, ["large"])

    assert len(changed(queue)) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message_map": {"amount": "$.a"}}, "amount"),
        ({"message_map": {"token": "callback.id"}}, "begins with $"),
        ({"message_map": {"token": "$.a[*]"}}, "cannot be read from"),
        ({"pointer_buckets": ["No Bucket"]}, "pointer_buckets"),
        ({"pointer_buckets": ["one", "one"]}, "pointer_buckets"),
        ({"sqs_url": "https://example.com"}, "no field"),
    ],
)
def test_what_register_queue_refuses_is_refused_here_too(
    body: dict[str, object], words: str, lead: Caller, queue: ReviewQueue
) -> None:
    answer = lead.post(PATH, body)

    refused(answer, 422, "invalid")
    assert words in answer.content.decode()
    assert changed(queue) == []


def test_others_are_refused_or_get_not_found(
    call: Callable[..., Caller], queue: ReviewQueue, alice: User, carol: User
) -> None:
    oscar, audra = factories.user("oscar@example.com"), factories.user("audra@example.com")
    people.grant_site(oscar, "operator", by=COMMAND_LINE)
    people.grant_site(audra, "auditor", by=COMMAND_LINE)

    assert call(oscar).post(PATH, {"pointer_buckets": ["large"]}).status_code == 200
    for user, status, code in (
        (alice, 403, "not_allowed"),
        (carol, 404, "not_found"),
        (audra, 404, "not_found"),
    ):
        refused(call(user).get(PATH), status, code)
        refused(call(user).post(PATH, {"pointer_buckets": []}), status, code)
    refused(call(oscar).get("queues/nowhere/settings/"), 404, "not_found")
    queue.refresh_from_db()
    assert queue.pointer_buckets == ["large"]


def test_a_change_based_on_older_settings_is_refused(lead: Caller, queue: ReviewQueue) -> None:
    version = lead.get(PATH).headers["ETag"]
    queues.save(queue.slug, {"name": "Reviews"}, by=COMMAND_LINE)

    refused(lead.post(PATH, {"message_map": MAP}, HTTP_IF_MATCH=version), 412, "stale_version")

    version = lead.get(PATH).headers["ETag"]
    assert lead.post(PATH, {"message_map": MAP}, HTTP_IF_MATCH=version).status_code == 200


def test_a_repeated_request_changes_once(lead: Caller, queue: ReviewQueue) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    lead.post(PATH, {"message_map": MAP}, **key)
    lead.post(PATH, {"message_map": {}})

    assert lead.post(PATH, {"message_map": MAP}, **key).json()["message_map"] == {}
    refused(lead.post(PATH, {"message_map": {}}, **key), 422, "idempotency_mismatch")
