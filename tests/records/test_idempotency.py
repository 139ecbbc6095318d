"""Idempotency keys: one request under a key, the same answer again, and nothing kept for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from approvals.exceptions import IdempotencyMismatch
from approvals.models import IdempotencyKey
from approvals.records import idempotency
from approvals.records.idempotency import AlreadyAnswered, Key

pytestmark = pytest.mark.django_db
KEY = Key(principal="user:1", key="k", request="POST /x/", body_sha256=b"a" * 32, status=201)


def outlive_its_days(key: Key) -> None:
    rows = IdempotencyKey.objects.filter(principal=key.principal, key=key.key)
    rows.update(created_at=Now() - idempotency.kept_for() - timedelta(seconds=1))


def test_the_same_request_again_finds_the_first_ones_status_and_row() -> None:
    shown = uuid4()
    idempotency.keep(KEY)
    idempotency.fill(KEY, shown, status=200)

    with pytest.raises(AlreadyAnswered) as earlier:
        idempotency.keep(KEY)

    assert (earlier.value.result, earlier.value.status, earlier.value.answer) == (shown, 200, None)
    assert IdempotencyKey.objects.count() == 1


def test_a_row_that_is_known_at_once_is_kept_with_the_key() -> None:
    shown = uuid4()
    idempotency.keep(KEY, shown)

    stored = idempotency.earlier(KEY)

    assert stored is not None
    assert (stored.result, stored.status) == (shown, 201)


@pytest.mark.parametrize(
    "other",
    [replace(KEY, request="POST /y/"), replace(KEY, body_sha256=b"b" * 32)],
    ids=["another path", "another body"],
)
def test_another_request_under_the_key_is_refused(other: Key) -> None:
    idempotency.keep(KEY)

    with pytest.raises(IdempotencyMismatch):
        idempotency.keep(other)
    with pytest.raises(IdempotencyMismatch):
        idempotency.earlier(other)


def test_keys_of_two_callers_are_two() -> None:
    idempotency.keep(KEY)
    idempotency.keep(replace(KEY, principal="user:2"))

    assert IdempotencyKey.objects.count() == 2


def test_a_refusal_is_kept_with_its_own_status_and_body() -> None:
    idempotency.keep_refusal(KEY, 422, {"code": "invalid"})

    stored = idempotency.earlier(KEY)

    assert stored is not None
    assert (stored.status, stored.answer) == (422, {"code": "invalid"})
    with pytest.raises(AlreadyAnswered):
        idempotency.keep(KEY)


def test_after_seven_days_a_key_is_free_again_even_for_another_request() -> None:
    idempotency.keep(KEY)
    outlive_its_days(KEY)

    assert idempotency.earlier(KEY) is None
    idempotency.keep(replace(KEY, request="POST /y/"))

    assert IdempotencyKey.objects.get().request == "POST /y/"


def test_a_purge_deletes_what_is_old_and_that_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [replace(KEY, key=str(number)) for number in range(4)]
    for key in keys:
        idempotency.keep(key)
    for key in keys[:3]:
        outlive_its_days(key)
    monkeypatch.setattr(idempotency, "AT_ONCE", 2)

    assert [idempotency.purge() for _ in range(3)] == [2, 1, 0]

    assert IdempotencyKey.objects.get().key == "3"


def test_a_request_without_a_key_leaves_no_row() -> None:
    idempotency.keep(None)
    idempotency.fill(None, uuid4())

    assert not IdempotencyKey.objects.exists()


def test_a_refusal_takes_the_place_of_a_key_that_has_expired() -> None:
    idempotency.keep(KEY)
    outlive_its_days(KEY)

    idempotency.keep_refusal(KEY, 422, {"code": "invalid"})

    stored = idempotency.earlier(KEY)
    assert stored is not None
    assert (stored.status, stored.answer) == (422, {"code": "invalid"})
