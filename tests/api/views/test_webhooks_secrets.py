"""The secrets that sign webhooks: changed over, revoked, bound to a queue, limited in their rate."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import (
    Decision,
    IdempotencyKey,
    ReviewQueue,
    ReviewTask,
    User,
    WebhookSecret,
)
from tests import factories
from tests.api.signing import Sender, about, issue, kept
from tests.callers import refused

pytestmark = pytest.mark.django_db


def test_a_sender_changes_over_from_one_secret_to_the_next(
    erp: Sender, alice: User, queue: ReviewQueue
) -> None:
    old, new = erp, issue()
    rows = [factories.review(queue) for _ in range(3)]
    for sender, row in zip((old, new), rows, strict=False):
        assert sender.send(about(row)).status_code == 200
    old_id = WebhookSecret.objects.earliest("created_at").pk

    credentials.revoke_secret(old_id, by=COMMAND_LINE)

    refused(old.send(about(rows[2])), 401, "not_authenticated")
    assert new.send(about(rows[2])).status_code == 200


def test_both_secrets_of_a_name_share_its_ids(erp: Sender, alice: User, review: ReviewTask) -> None:
    first = erp.send(about(review), "msg-1")

    again = issue().send(about(review), "msg-1")

    assert (again.status_code, again.content) == (200, first.content)


def test_a_revoked_secret_gets_no_first_answer_either(
    erp: Sender, alice: User, review: ReviewTask
) -> None:
    erp.send(about(review), "msg-1")
    credentials.revoke_secret(WebhookSecret.objects.get().pk, by=COMMAND_LINE)

    refused(erp.send(about(review), "msg-1"), 401, "not_authenticated")


def test_a_name_given_to_another_queue_later_is_another_sender(
    erp: Sender, alice: User, review: ReviewTask, queue: ReviewQueue
) -> None:
    assert erp.send(about(review), "msg-1").status_code == 200
    credentials.revoke_secret(WebhookSecret.objects.get().pk, by=COMMAND_LINE)
    later = issue("erp", queue.slug)
    other = factories.review(queue)

    assert later.send(about(other), "msg-1").status_code == 200

    signed = Decision.objects.get(review=other).signed_in
    assert (signed, kept()) == ("webhook:erp", 2)


def test_use_of_a_secret_is_noted(erp: Sender, alice: User, review: ReviewTask) -> None:
    row = WebhookSecret.objects.get()
    erp.send(about(review), signature="v1,AAAA")
    row.refresh_from_db()
    assert row.last_used_at is None

    erp.send(about(review))

    row.refresh_from_db()
    assert row.last_used_at is not None


def test_guessed_signatures_use_up_an_addresss_rate_limit_and_a_right_one_does_not(
    erp: Sender, alice: User, queue: ReviewQueue, settings: Settings
) -> None:
    settings.API_RATE_PER_MINUTE = 60  # twenty at once
    held = [factories.review(queue) for _ in range(15)]
    answers = [erp.send(about(review)).status_code for review in held]
    assert set(answers) == {200}

    guesses = [erp.send(b"{}", signature="v1,AAAA") for _ in range(25)]

    assert {guess.status_code for guess in guesses[:20]} == {401}
    assert int(refused(guesses[-1], 429, "throttled")["retry_after"]) >= 1
    assert guesses[-1].headers["Retry-After"]


def test_each_secret_has_a_rate_limit_of_its_own_and_an_id_refused_for_it_is_not_used_up(
    erp: Sender, alice: User, queue: ReviewQueue, review: ReviewTask, settings: Settings
) -> None:
    settings.API_RATE_PER_MINUTE = 1  # twenty at once
    other, held = issue("crm"), factories.review(queue)
    for _ in range(20):
        erp.send(about(review), "again")

    late = erp.send(about(held), "late")

    assert int(refused(late, 429, "throttled")["retry_after"]) >= 1
    assert other.send(about(held, approved=False), "late").status_code == 200
    assert Decision.objects.get(review=held).outcome == "rejected"
    assert not IdempotencyKey.objects.filter(
        principal__startswith="webhook:erp:", key="late"
    ).exists()
