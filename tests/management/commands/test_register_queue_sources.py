"""`register_queue`: where messages hold their fields, which buckets they point to, and changes without the URL."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from approvals.models import AuditEvent, ReviewQueue
from approvals.records import audit

pytestmark = pytest.mark.django_db


def register(*options: str, slug: str = "manual-review") -> ReviewQueue:
    call_command("register_queue", slug, *options, stdout=io.StringIO())
    return ReviewQueue.objects.get(slug=slug)


def test_the_map_is_merged_and_audited_without_asking_for_the_url(queue: ReviewQueue) -> None:
    url = queue.sqs_url
    register("--map", "token=$.callback.id", "--map", "reference=$['no']", "--name", "Renamed")

    changed = register("--map", "title=$.t", "--map", "reference=")

    assert changed.message_map == {"token": "$.callback.id", "title": "$.t"}
    assert (changed.name, changed.sqs_url) == ("Renamed", url)
    last = AuditEvent.objects.filter(chain=audit.chain(queue)).order_by("-seq")[0]
    assert "$.callback.id" in str(last.data["message_map"])


def test_buckets_are_replaced_and_cleared(queue: ReviewQueue) -> None:
    assert register("--pointer-bucket", "one", "--pointer-bucket", "two").pointer_buckets == [
        "one",
        "two",
    ]
    assert register("--undo-seconds", "5").pointer_buckets == ["one", "two"]
    assert register("--pointer-bucket", "").pointer_buckets == []


@pytest.mark.parametrize(
    "options",
    [("--map", "token"), ("--map", "what=$.a"), ("--map", "token=a"), ("--map", "token=$"),
     ("--pointer-bucket", "No Bucket"), ("--pointer-bucket", "x\n")],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(queue: ReviewQueue, options: tuple[str, str]) -> None:
    with pytest.raises((CommandError, SystemExit)):
        register(*options)

    queue.refresh_from_db()
    assert (queue.message_map, queue.pointer_buckets) == ({}, [])


def test_a_new_queue_needs_its_url(db: None) -> None:
    with pytest.raises((CommandError, SystemExit)):
        register("--name", "New", slug="new")

    assert not ReviewQueue.objects.exists()
