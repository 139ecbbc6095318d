"""`grant`: a role for every user, a password link for people only."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from approvals.models import (
    QueueMembership,
    ReviewQueue,
    User,
)
from tests import factories
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("kind", "linked"), [("service", False), ("person", True)])
def test_only_a_person_gets_a_link_that_sets_a_password(
    queue: ReviewQueue, kind: str, linked: bool
) -> None:
    user = factories.user("svc@example.com", kind=kind)
    user.set_unusable_password()
    user.save()

    output = run("grant", user.email, queue.slug, "reviewer")

    assert QueueMembership.objects.get(user=user).role == "reviewer"
    assert ("Set a password" in output) is linked
    assert not User.objects.get(pk=user.pk).has_usable_password()


def test_grant_create_makes_a_person_and_prints_a_link_that_sets_their_password(
    client: Client, queue: ReviewQueue
) -> None:
    output = run("grant", "Ada@Example.com", queue.slug, "reviewer", "--create")

    link = re.search(r"http\S+", output)
    assert link
    page = client.get(link[0].removeprefix("http://127.0.0.1:8000"), follow=True)
    assert page.status_code == 200
    assert "password" in page.content.decode().lower()
    membership = QueueMembership.objects.get(queue=queue)
    assert (membership.user.email, membership.role) == ("ada@example.com", "reviewer")


def test_grant_prints_the_link_again_until_a_password_is_set(queue: ReviewQueue) -> None:
    run("grant", "ada@example.com", queue.slug, "reviewer", "--create")
    assert "http" in run("grant", "ada@example.com", queue.slug, "reviewer")
    ada = User.objects.get(email="ada@example.com")
    ada.set_password(factories.PASSWORD)
    ada.save()

    assert "http" not in run("grant", "ada@example.com", queue.slug, "lead")


def test_grant_replaces_the_role_a_person_had(queue: ReviewQueue, alice: User) -> None:
    run("grant", alice.email, queue.slug, "lead")

    assert QueueMembership.objects.get(user=alice).role == "lead"


def test_grant_gives_a_right_outside_queues(alice: User) -> None:
    run("grant", alice.email, "--site", "auditor")

    assert alice.groups.get().name == "auditor"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody@example.com", "manual-review", "lead"], "--create"),
        (["alice@example.com", "nowhere", "lead"], "register_queue"),
        (["alice@example.com"], "--site"),
        (["not-an-email", "manual-review", "lead", "--create"], "email"),
    ],
)
def test_grant_says_what_to_do_where_it_cannot(
    alice: User, arguments: list[str], expected: str
) -> None:
    assert expected in refused("grant", *arguments)


def test_a_refused_grant_makes_no_user(queue: ReviewQueue) -> None:
    refused("grant", "new@example.com", "nowhere", "lead", "--create")

    assert not User.objects.filter(email="new@example.com").exists()
