"""`create_webhook_secret`: the secret alone, audited, and good at once."""

from __future__ import annotations

import re
import shlex

import pytest
from django.core.management import call_command
from django.test import Client

from approvals.models import AuditEvent, ReviewQueue, User, WebhookSecret
from tests import factories
from tests.api.signing import Sender, about
from tests.management.command_line import refused, run
from tests.paths import ROOT

pytestmark = pytest.mark.django_db


def test_it_prints_the_secret_alone_and_the_secret_signs(alice: User) -> None:
    output = run("create_webhook_secret", "erp")

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", output)
    assert Sender(output.strip()).send(about(factories.review())).status_code == 200
    row = WebhookSecret.objects.get()
    assert (row.name, row.queue, row.revoked_at) == ("erp", None, None)
    event = AuditEvent.objects.get(chain=f"webhook:{row.pk}")
    assert (event.kind, event.actor_name, event.surface) == (
        "webhook_secret.issued",
        "system",
        "command",
    )
    assert ", 0 breaches" in run("verify_audit")


def test_the_secret_of_a_queue_stands_on_the_queues_chain(queue: ReviewQueue) -> None:
    run("create_webhook_secret", "erp", "--queue", queue.slug)

    row = WebhookSecret.objects.get()
    event = AuditEvent.objects.filter(chain=f"queue:{queue.pk}").latest("seq")
    assert row.queue == queue
    assert (event.kind, event.data) == (
        "webhook_secret.issued",
        {"name": "erp", "secret": str(row.pk)},
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["erp", "--queue", "nowhere"], "register_queue"),
        ([" "], "needs a name"),
        (["x" * 101], "at most 100"),
        (["a\nb"], "can be shown"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(db: None, arguments: list[str], expected: str) -> None:
    output = refused("create_webhook_secret", *arguments)

    assert expected in output
    assert "\n" not in output
    assert not WebhookSecret.objects.exists()


def test_a_name_is_needed(db: None) -> None:
    with pytest.raises(Exception, match="name"):
        call_command("create_webhook_secret")


def test_changing_a_secret_goes_as_the_page_says(queue: ReviewQueue, client: Client) -> None:
    page = (ROOT / "docs" / "webhook.md").read_text()
    [create] = [
        shlex.split(line, comments=True)[2:]
        for line in page.splitlines()
        if line.startswith("    python manage.py")
    ]
    run(*create)
    run(*create)
    old, new = WebhookSecret.objects.order_by("created_at")
    oscar = factories.user("oscar@example.com")
    run("grant", oscar.email, "--site", "operator")
    client.force_login(oscar)

    [place] = set(re.findall(r"`(/admin/[^`]*)`", page))
    listing = client.get(place).content.decode()
    row = f"{place}{old.pk}/change/"
    assert row in listing
    assert f"{place}{old.pk}/revoke/" in client.get(row).content.decode()
    assert client.post(f"{place}{old.pk}/revoke/").status_code == 302

    assert list(WebhookSecret.objects.filter(revoked_at=None)) == [new]
