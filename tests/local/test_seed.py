"""The child process that fills the demo's database: what it makes, and the message when it fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test import Client

from approvals.models import ReviewQueue, User
from local.processes import LocalError
from local.supervisor import seed as seeds

pytestmark = pytest.mark.django_db(transaction=True)
EVERYBODY = seeds.people("demo-password")


@pytest.fixture
def environment() -> dict[str, str]:
    """The demo's, on the database of this test."""
    address = "postgres://{user}@{host}:{port}/{dbname}"
    return os.environ | {
        "DATABASE_URL": address.format(**connection.get_connection_params()),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "REVIEW_QUEUE_URL": "http://127.0.0.1:9/123456789012/manual-review",
    }


def test_people_the_queue_and_a_token_are_made_and_a_second_run_does_no_harm(
    environment: dict[str, str], tmp_path: Path, settings: Any
) -> None:
    first = seeds.seed(environment, EVERYBODY, tmp_path / "seed.log")
    second = seeds.seed(environment, EVERYBODY, tmp_path / "seed.log")

    queue = ReviewQueue.objects.get()
    assert (queue.slug, queue.sqs_url) == ("manual-review", environment["REVIEW_QUEUE_URL"])
    assert queue.fields == seeds.FIELDS
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    assert {user.email for user in User.objects.all()} == {person.email for person in EVERYBODY}
    assert all(check_password("demo-password", user.password) for user in User.objects.all())
    for issued in (first, second):
        headers = {"Authorization": f"Bearer {issued.api_token}"}
        answer = Client().get("/api/v1/queues/", headers=headers)
        assert issued.webhook_secret.startswith("whsec_")
        assert [found["slug"] for found in answer.json()["results"]] == ["manual-review"]


def test_a_database_that_is_away_is_one_clear_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    away = environment | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}

    with pytest.raises(
        LocalError, match=r"could not be prepared: .*Is the server running"
    ) as refused:
        seeds.seed(away, EVERYBODY, tmp_path / "seed.log")

    assert "\n" not in str(refused.value)
    assert str(tmp_path / "seed.log") in str(refused.value)


def test_a_seed_that_takes_too_long_is_ended_with_a_message(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, "_SEED_SECONDS", 0.01)

    with pytest.raises(LocalError, match="was not prepared in"):
        seeds.seed(environment, EVERYBODY, tmp_path / "seed.log")
