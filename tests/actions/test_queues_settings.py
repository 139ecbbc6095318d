"""Settings of a queue: a change is recorded with what it was, and refused if it is based on an older version."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import people, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid, NotAllowed, NotFound, StaleVersion
from approvals.models import AuditEvent, ConnectionCheck, QueueCheck, ReviewQueue, User
from approvals.records import audit, audit_verification, idempotency, review_queues
from tests import factories
from tests.admin.rows import operator
from tests.factories import actor

pytestmark = pytest.mark.django_db
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/refunds"


def events(queue: ReviewQueue) -> list[tuple[str, dict[str, object]]]:
    """The kinds and data of a queue's events; its chain must hold."""
    chain = audit.chain(queue)
    assert audit_verification.verify(chain) == []
    return list(AuditEvent.objects.filter(chain=chain).order_by("seq").values_list("kind", "data"))


def test_a_new_queue_is_recorded_with_its_settings_and_a_change_with_both_values() -> None:
    queue, created = queues.save(
        "refunds", {"sqs_url": URL, "region": "eu-west-1"}, by=COMMAND_LINE
    )
    assert created

    policy = {"reason_required_for": ["rejected"]}
    changes = {"undo_seconds": 0, "policy": policy, "region": "eu-west-1"}
    again, created = queues.save("refunds", changes, by=COMMAND_LINE)

    assert (again, again.undo_seconds, created) == (queue, 0, False)
    assert events(queue) == [
        ("queue.created", {"sqs_url": [None, URL], "region": [None, "eu-west-1"]}),
        (
            "queue.changed",
            {
                "undo_seconds": ["10", "0"],
                "policy": ["{}", '{"reason_required_for": ["rejected"]}'],
            },
        ),
    ]


def test_a_change_of_nothing_is_no_event(queue: ReviewQueue) -> None:
    before = events(queue)

    queues.save(queue.slug, {"undo_seconds": queue.undo_seconds}, by=COMMAND_LINE)

    assert events(queue) == before


def test_a_change_that_is_based_on_an_older_version_is_refused(queue: ReviewQueue) -> None:
    seen = review_queues.settings_version(queue.pk)
    queues.save(queue.slug, {"undo_seconds": 5}, by=COMMAND_LINE, expected=seen)

    with pytest.raises(StaleVersion):
        queues.save(queue.slug, {"undo_seconds": 7}, by=COMMAND_LINE, expected=seen)

    with pytest.raises(StaleVersion):
        queues.save(queue.slug, {"undo_seconds": 7}, by=COMMAND_LINE, expected=seen + 9)
    with pytest.raises(StaleVersion):
        queues.set_messages(queue.slug, {}, by=COMMAND_LINE, version=seen)
    assert ReviewQueue.objects.get().undo_seconds == 5


def test_a_new_queue_is_made_whatever_version_was_expected(queue: ReviewQueue) -> None:
    settings = {"sqs_url": URL, "region": "eu-west-1"}

    made, created = queues.save("refunds", settings, by=COMMAND_LINE, expected=3)

    assert (made.slug, made.name, created) == ("refunds", "Refunds", True)
    assert ReviewQueue.objects.get(pk=queue.pk).sqs_url == queue.sqs_url


def test_a_value_that_is_not_valid_is_refused_by_the_name_of_its_setting(
    queue: ReviewQueue, lena: User
) -> None:
    with pytest.raises(Invalid, match=r"^timeout_seconds: "):
        queues.save(queue.slug, {"undo_seconds": 3, "timeout_seconds": 0}, by=COMMAND_LINE)
    with pytest.raises(Invalid, match=r"^pointer_buckets: "):
        queues.set_messages(queue.slug, {"pointer_buckets": ["No Bucket"]}, by=actor(lena))

    assert ReviewQueue.objects.get().undo_seconds == queue.undo_seconds
    assert [kind for kind, _ in events(queue)] == ["queue.created"]


def test_a_repeated_change_of_the_messages_is_answered_and_made_once(
    queue: ReviewQueue, lena: User
) -> None:
    key = factories.idempotency_key()
    changes = {"pointer_buckets": ["a-b"]}
    queues.set_messages(queue.slug, changes, by=actor(lena), key=key)
    queues.set_messages(queue.slug, {"pointer_buckets": []}, by=actor(lena))

    with pytest.raises(idempotency.AlreadyAnswered) as earlier:
        queues.set_messages(queue.slug, changes, by=actor(lena), key=key)
    assert earlier.value.result == queue.pk
    assert ReviewQueue.objects.get().pointer_buckets == []


def test_each_queue_and_each_person_has_a_check_of_its_own(queue: ReviewQueue) -> None:
    other = factories.queue("refunds")
    people_who_ask = [operator("olga@example.com"), operator("oscar@example.com")]

    checks = [queues.ask_check(each.pk, by=COMMAND_LINE) for each in (queue, other, queue)]
    unsaved = [
        queues.ask_unsaved_check({"slug": slug, "region": "eu-west-1"}, by=actor(user, "admin"))
        for slug, user in zip(("a", "b", "c"), (*people_who_ask, people_who_ask[0]), strict=True)
    ]

    assert [check.queue for check in checks] == [queue, other, queue]
    assert QueueCheck.objects.count() == 2
    assert [check.asked_by for check in unsaved] == [*people_who_ask, people_who_ask[0]]
    wanted = {check.asked_by: check.settings["slug"] for check in ConnectionCheck.objects.all()}
    assert wanted == dict(zip(people_who_ask, ("c", "b"), strict=True))
    event = AuditEvent.objects.filter(chain=audit.chain(people_who_ask[1])).latest("seq")
    about = {"slug": "b", "sqs_url": "", "region": "eu-west-1", "role_arn": ""}
    assert (event.kind, event.data) == ("queue.check_asked", about)


def test_a_check_that_is_requested_twice_has_one_row_and_two_events(queue: ReviewQueue) -> None:
    first = queues.ask_check(queue.pk, by=COMMAND_LINE)
    an_hour_ago = first.asked_at - timedelta(hours=1)
    QueueCheck.objects.update(asked_at=an_hour_ago)
    second = queues.ask_check(queue.pk, by=COMMAND_LINE)

    assert QueueCheck.objects.get() == first == second
    assert QueueCheck.objects.get().asked_at == second.asked_at > an_hour_ago
    assert [kind for kind, _ in events(queue)][1:] == ["queue.check_asked"] * 2
    with pytest.raises(NotFound):
        queues.ask_check(uuid4(), by=COMMAND_LINE)


def test_only_leads_and_operators_set_what_messages_look_like(
    queue: ReviewQueue, alice: User, carol: User
) -> None:
    for user, refusal in ((alice, NotAllowed), (carol, NotFound)):
        with pytest.raises(refusal):
            queues.set_messages(queue.slug, {"pointer_buckets": ["a-b"]}, by=actor(user))

    assert ReviewQueue.objects.get(pk=queue.pk).pointer_buckets == []


def test_only_settings_of_messages_are_set_as_such(queue: ReviewQueue, lena: User) -> None:
    with pytest.raises(Invalid, match="sqs_url is no setting of messages"):
        queues.set_messages(queue.slug, {"sqs_url": "https://example.com"}, by=actor(lena))
    with pytest.raises(NotFound):
        queues.set_messages("nowhere", {}, by=actor(lena))

    assert queues.set_messages(queue.slug, {"pointer_buckets": ["a-b"]}, by=actor(lena)) == queue
    assert [kind for kind, _ in events(queue)] == ["queue.created", "queue.changed"]


def test_a_lead_adds_no_bucket_with_messages_of_another_queue_or_with_orders(
    queue: ReviewQueue, lena: User, settings: Settings
) -> None:
    settings.ORDER_BUCKETS = ["orders"]
    other = factories.queue("refunds", pointer_buckets=["theirs"])

    for bucket in ("theirs", "orders"):
        with pytest.raises(NotAllowed, match=f"add {bucket}"):
            queues.set_messages(queue.slug, {"pointer_buckets": [bucket]}, by=actor(lena))

    oscar = factories.user("oscar@example.com")
    people.grant_site(oscar, "operator", by=COMMAND_LINE)
    queues.set_messages(queue.slug, {"pointer_buckets": ["theirs"]}, by=actor(oscar))
    kept = {"pointer_buckets": ["theirs", "mine"]}
    assert queues.set_messages(queue.slug, kept, by=actor(lena)) == queue
    fewer = {"pointer_buckets": ["mine"], "message_map": {"token": "$.token"}}
    assert queues.set_messages(queue.slug, fewer, by=actor(lena)).pointer_buckets == ["mine"]
    map_alone: dict[str, object] = {"message_map": {}}
    assert queues.set_messages(queue.slug, map_alone, by=actor(lena)).message_map == {}
    other.refresh_from_db()
    assert other.pointer_buckets == ["theirs"]
