"""What the demo's database starts with."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import check_password
from django.test import Client
from pytest_django import Settings

from approvals.models import ReviewQueue, User
from local.supervisor import demo_data as seeds

EVERYBODY = seeds.people("demo-password")


@pytest.mark.django_db(transaction=True)
def test_people_the_queue_and_a_token_are_made_and_a_second_run_does_no_harm(
    environment: dict[str, str], tmp_path: Path, settings: Settings
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
