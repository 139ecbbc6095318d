"""A page shows the beginning of a large payload; the whole of it is a file, for those who may see the review."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.actions import assignment, intake
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from tests import factories
from tests.admin.rows import operator
from tests.factories import actor
from tests.web.conftest import Desk
from tests.web.pages import at
from tests.web.reviews import review_of

pytestmark = pytest.mark.django_db
TOKEN = "AQCEAAAAKgAAAAMAAAAA" + "Abc+/deFGH12" * 40 + "=="
LARGE = "\u6f22" * 40_000 + "x" * 600_000 + f" {TOKEN} and the end"


def large(**fields: object) -> ReviewTask:
    """A review of a message of nearly a megabyte, which repeats its token."""
    return review_of(factories.message(taskToken=TOKEN, **({"input": {"note": LARGE}} | fields)))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input": {f"k{n}": "y" * 3_000 for n in range(290)}},
        {"input": {"customer": {"name": "n" * 900_000}, "total": "9" * 10_000}},
        {"input": {"items": [{"name": "z" * 20_000} for _ in range(40)]}},
        {"input": {}, "error": {"Error": "E", "Cause": "c" * 900_000}},
        {"input": ["q" * 3_000] * 300},
    ],
    ids=["text", "texts", "customer", "lines", "cause", "list"],
)
def test_the_page_of_a_large_review_is_small(
    desk: Desk, alice: User, queue: ReviewQueue, fields: dict[str, object]
) -> None:
    review = large(**fields)
    html = desk(alice).get(at(review)).content
    assert len(html) < 900_000
    assert f'href="{at(review, "payload")}"'.encode() in html


def test_the_whole_payload_is_a_file_without_its_token(
    desk: Desk, alice: User, bob: User, queue: ReviewQueue
) -> None:
    review = large()
    response = desk(alice).get(at(review, "payload"))
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    note = json.loads(response.content)["input"]["note"]
    assert note == LARGE.replace(TOKEN, "[task token]")
    stranger = factories.user("stranger@example.com")
    assert desk(stranger).get(at(review, "payload")).status_code == 404
    assert Client().get(at(review, "payload")).status_code == 302


def test_the_admin_site_shows_the_beginning_and_links_the_whole(
    client: Client, alice: User, queue: ReviewQueue
) -> None:
    review = large()
    client.force_login(alice)
    html = client.get(f"/admin/approvals/reviewtask/{review.pk}/change/").content
    assert len(html) < 900_000
    assert f'href="{at(review, "payload")}"'.encode() in html


def test_a_large_message_in_quarantine_is_shown_in_part_and_downloaded_whole(
    client: Client, alice: User, queue: ReviewQueue
) -> None:
    body = json.dumps({"taskToken": TOKEN, "schemaVersion": "9", "note": LARGE}, ensure_ascii=False)
    intake.accept(queue, [factories.received(body)])
    row = QuarantinedMessage.objects.get()
    page, whole = (
        f"/admin/approvals/quarantinedmessage/{row.pk}/{name}/" for name in ("change", "body")
    )
    client.force_login(operator("oscar@example.com"))
    html = client.get(page).content
    assert len(html) < 900_000
    assert f'href="{whole}"'.encode() in html
    file = client.get(whole)
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.content.decode().count("and the end") == 1
    assert TOKEN not in file.content.decode()
    client.force_login(alice)
    assert client.get(whole).status_code in (403, 404)


def test_no_list_reads_a_payload(client: Client, alice: User, queue: ReviewQueue) -> None:
    review = large(
        input={
            "total": "8" * 100_000,
            "currency": "7" * 100_000,
            "customer": {"name": "6" * 700_000},
        }
    )
    assignment.claim(review.pk, by=actor(alice))
    client.force_login(alice)
    for path in (
        "/",
        f"/queues/{queue.slug}/",
        "/admin/approvals/reviewtask/",
        f"/?q={review.reference}",
    ):
        with CaptureQueriesContext(connection) as sent:
            html = client.get(path, follow=False).content
        assert len(html) < 50_000
        if not path.startswith("/?q"):  # the only review of its reference is shown itself
            assert not [each for each in sent if '"payload",' in each["sql"]]


def test_the_file_is_not_much_larger_than_the_message(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    deep: object = [0] * 50_000
    for _ in range(40):
        deep = [deep]
    message = factories.message(input={"deep": deep})
    review = review_of(message)

    file = desk(alice).get(at(review, "payload")).content

    assert len(file) < 2 * len(json.dumps(message))


def test_a_number_of_any_length_stands_in_the_file_as_it_came(
    desk: Desk, alice: User, queue: ReviewQueue
) -> None:
    review = large(input={"total": 10**40 + 1})

    assert (
        json.loads(desk(alice).get(at(review, "payload")).content)["input"]["total"] == 10**40 + 1
    )
