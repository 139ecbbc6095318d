"""What a verified signature leaves and says: when its secret was last used, and whose message ids these are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from approvals.api import webhook_signature
from approvals.models import ReviewQueue, WebhookSecret
from approvals.records import database_time
from tests.api.signing import Sender, issue

pytestmark = pytest.mark.django_db


def use(sender: Sender) -> webhook_signature.Signed:
    return webhook_signature.verified(sender.headers(b"{}"), b"{}")


def used_before(seconds: float) -> None:
    WebhookSecret.objects.update(last_used_at=Now() - timedelta(seconds=seconds))


def seconds_since_use() -> float:
    used = WebhookSecret.objects.get().last_used_at
    return (database_time.now() - used).total_seconds()


def test_the_first_use_of_a_secret_is_stored_and_of_no_other_one() -> None:
    sender, _ = issue("erp"), issue("crm")

    use(sender)

    assert WebhookSecret.objects.get(name="erp").last_used_at is not None
    assert WebhookSecret.objects.get(name="crm").last_used_at is None


def test_a_use_within_a_minute_of_the_last_one_is_not_stored_again() -> None:
    sender = issue()
    used_before(50)

    use(sender)

    assert seconds_since_use() >= 50


def test_a_use_more_than_a_minute_after_the_last_one_is_stored() -> None:
    sender = issue()
    used_before(70)

    use(sender)

    assert seconds_since_use() < 40


def test_the_message_ids_of_a_secret_for_one_queue_are_apart_from_those_for_all(
    queue: ReviewQueue,
) -> None:
    for_all, for_one = issue("erp"), issue("crm", queue.slug)

    assert use(for_all).principal == "webhook:erp:all"
    assert use(for_one).principal == f"webhook:crm:{queue.pk}"
    assert use(for_one).signer == "webhook:crm"


def test_the_oldest_of_two_secrets_that_sign_alike_has_signed() -> None:
    sender, newer = issue("erp"), issue("crm")
    rows = {row.name: row for row in WebhookSecret.objects.all()}
    assert newer.secret != sender.secret

    WebhookSecret.objects.filter(name="crm").update(created_at=Now() - timedelta(days=1))

    names = [secret.name for secret, _ in webhook_signature._active()]
    assert names == ["crm", "erp"]
    assert use(sender).secret == rows["erp"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook-id": "a.b"}, "malformed"),
        ({"webhook-timestamp": "1"}, "stale"),
        ({"webhook-signature": f"v1,{'A' * 43}="}, "unknown signature"),
    ],
)
def test_the_log_says_why_a_request_was_not_taken_for_signed(
    changed: dict[str, str], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = issue().headers(b"{}") | changed

    with pytest.raises(webhook_signature.NotSigned):
        webhook_signature.verified(headers, b"{}")

    assert "webhook.refused" in caplog.text
    assert [
        name for name in ("malformed", "stale", "unknown signature") if name in caplog.text
    ] == [why]
    assert WebhookSecret.objects.get().last_used_at is None


def test_a_body_of_the_time_that_stands_for_none_is_not_signed_by_the_placeholder() -> None:
    sender = issue()
    headers = sender.headers(b"{}", "x", 1)

    with pytest.raises(webhook_signature.NotSigned):
        webhook_signature.verified(headers, b"{}")
