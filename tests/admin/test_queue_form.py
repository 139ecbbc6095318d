"""The form of a queue: sections, help with an example at each field, and the check before it is saved."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from django.forms import BooleanField, ChoiceField, ModelChoiceField
from django.test import Client
from django.utils.html import escape
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from approvals.admin.queue_form import HELP, SETTINGS, QueueForm
from approvals.exceptions import Unavailable
from approvals.gateways import sqs
from approvals.models import ConnectionCheck, ReviewQueue, User
from approvals.polling import checking
from approvals.records import wake_ups
from tests.admin.addresses import at
from tests.admin.answers import last
from tests.admin.conftest import Enter
from tests.admin.test_queues import TYPED, stored

pytestmark = pytest.mark.django_db
FOUND = {
    "QueueArn": "arn:aws:sqs:us-east-1:123456789012:refunds",
    "MessageRetentionPeriod": "345600",
}


def test_every_setting_stands_once_in_a_section_with_help(browser: Client) -> None:
    form = QueueForm()
    fields: Any = form.fields
    shown = [field.name for section in form.sections() for field in section.fields]

    assert sorted(shown) == sorted(("slug", *SETTINGS))
    page = browser.get(at("reviewqueue_new")).content.decode()
    for section in form.sections():
        assert f"<legend>{section.title}</legend>" in page
    for name in ("slug", *SETTINGS):
        assert name in HELP, f"{name} has no help"
        assert escape(HELP[name]) in page
        assert f'id="id_{name}_helptext"' in page
        chosen = isinstance(fields[name], ChoiceField | BooleanField | ModelChoiceField)
        assert chosen or "example:" in HELP[name], name


def test_the_region_is_taken_from_the_url_where_none_is_typed(browser: Client) -> None:
    answer = browser.post(at("reviewqueue_new"), TYPED | {"region": ""})
    assert answer.status_code == 302
    assert ReviewQueue.objects.get(slug="refunds").region == "us-east-1"

    odd = TYPED | {"slug": "odd", "region": "", "sqs_url": "https://example.com/q"}
    answer = browser.post(at("reviewqueue_new"), odd)
    assert answer.status_code == 422
    assert "The URL names no region: type it here." in answer.content.decode()


def test_a_connection_is_checked_by_a_worker_before_anything_is_saved(
    browser: Client,
    oscar: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    monkeypatch.setattr(sqs, "attributes", lambda *_: FOUND)
    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(at("reviewqueue_new"), TYPED | {"check": "yes"})
    assert wake_ups.flush(10)
    check = ConnectionCheck.objects.get()

    assert answer.status_code == 200
    assert "A worker is asking AWS" in answer.content.decode()
    assert answer.context["form"]["policy"].value() == TYPED["policy"]
    assert sent == [(wake_ups.CHECK_UNSAVED, [str(check.pk)])]
    assert last(oscar)[0] == "queue.check_asked"
    checking.check_unsaved(check.pk)
    part = browser.get(at("reviewqueue_connection")).content.decode()
    assert "A standard queue." in part
    again = TYPED | {"check": "yes"} | dict(answer.context["hidden"])
    page = browser.post(at("reviewqueue_new"), again).content.decode()
    assert "Messages are kept for 4 days" in page
    assert "in us-east-1" in page
    assert not ReviewQueue.objects.filter(slug="refunds").exists()


def test_other_settings_and_a_press_without_an_answer_ask_anew(browser: Client) -> None:
    first = browser.post(at("reviewqueue_new"), TYPED | {"check": "yes"})
    checked = ConnectionCheck.objects.get()
    ConnectionCheck.objects.update(checked_at=checked.asked_at, findings=[])
    typed = TYPED | {"check": "yes"} | dict(first.context["hidden"]) | {"region": "eu-west-1"}

    page = browser.post(at("reviewqueue_new"), typed).content.decode()

    assert "A worker is asking AWS" in page
    assert ConnectionCheck.objects.get().settings["region"] == "eu-west-1"


def test_a_refusal_of_aws_is_a_finding_in_words(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise Unavailable("SQS refuses: AccessDenied", aws_code="AccessDenied")

    monkeypatch.setattr(sqs, "attributes", refused)
    browser.post(at("reviewqueue_new"), TYPED | {"check": "yes"})
    checking.check_unsaved(ConnectionCheck.objects.get().pk)

    part = browser.get(at("reviewqueue_connection")).content.decode()

    assert "Problem" in part
    assert "Grant sqs:GetQueueAttributes on" in part


def test_a_check_saves_nothing_of_a_queue_that_exists_and_keeps_the_version_seen(
    browser: Client, queue: ReviewQueue
) -> None:
    form_url = at("reviewqueue_edit", queue.pk)
    seen = dict(browser.get(form_url).context["hidden"])
    ReviewQueue.objects.filter(pk=queue.pk).update(name="Meanwhile")
    typed = {**stored(queue), **seen, "name": "Mine", "check": "yes"}

    answer = browser.post(form_url, typed)

    assert answer.status_code == 200
    assert dict(answer.context["hidden"])["seen"] == str(seen["seen"])
    queue.refresh_from_db()
    assert queue.name == "Meanwhile"


def test_what_is_not_valid_is_not_asked_about_and_only_operators_ask(
    browser: Client, enter: Enter, audrey: User
) -> None:
    answer = browser.post(at("reviewqueue_new"), TYPED | {"check": "yes", "sqs_url": "nonsense"})
    assert answer.status_code == 422
    assert not ConnectionCheck.objects.exists()
    assert enter(audrey).post(at("reviewqueue_new"), TYPED | {"check": "yes"}).status_code == 403
    assert enter(audrey).get(at("reviewqueue_connection")).status_code == 403
