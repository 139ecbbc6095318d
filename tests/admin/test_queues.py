"""Queues on the admin site: their settings, with errors that name the place, and the check of their connection."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from approvals.actions import credentials, queues
from approvals.actors import COMMAND_LINE
from approvals.admin.queue_form import QueueForm
from approvals.models import AuditEvent, QueueCheck, ReviewQueue, User
from approvals.records import audit, wake_ups
from tests import factories
from tests.admin.addresses import at

pytestmark = pytest.mark.django_db

TYPED = {
    "slug": "refunds",
    "name": "Refunds",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/refunds",
    "region": "us-east-1",
    "role_arn": "",
    "state_machine_arns": "",
    "timeout_seconds": "3600",
    "at_deadline": "leave",
    "heartbeat_seconds": "",
    "lease_seconds": "600",
    "undo_seconds": "10",
    "reject_as": "failure",
    "error_name": "ReviewRejected",
    "escalate_to": "",
    "fields": '[{"path": "input.total", "kind": "money", "role": "amount"}]',
    "output_schema": '{"type": "object"}',
    "policy": '{"reason_required_for": ["rejected"]}',
}


def last(queue: ReviewQueue) -> AuditEvent:
    """The last event of a queue's chain."""
    return AuditEvent.objects.filter(chain=audit.chain_of("queue", queue.pk)).last()


def stored(queue: ReviewQueue) -> dict[str, str]:
    """What the form shows of a queue, as a browser would send it back."""
    form = QueueForm(instance=queue)
    shown = {f.html_name: f.value() for f in form}
    return {name: "" if value is None else str(value) for name, value in shown.items()}


def test_an_operator_adds_a_queue_with_all_its_settings(browser: Client, oscar: User) -> None:
    answer = browser.post(at("reviewqueue_new"), TYPED)
    queue = ReviewQueue.objects.get(slug="refunds")
    assert answer["Location"] == at("reviewqueue_change", queue.pk)
    assert queue.fields == [{"path": "input.total", "kind": "money", "role": "amount"}]
    assert queue.policy == {"reason_required_for": ["rejected"]}
    assert (queue.output_schema, queue.state_machine_arns) == ({"type": "object"}, [])
    event = last(queue)
    assert (event.kind, event.actor, event.surface) == ("queue.created", oscar, "admin")
    page = browser.get(answer["Location"]).content.decode()
    assert "queue.created" in page
    assert "oscar@example.com" in page


def test_a_change_is_audited_with_what_it_was_and_what_it_is(
    browser: Client, oscar: User, queue: ReviewQueue
) -> None:
    form_url = at("reviewqueue_edit", queue.pk)
    policy = '{"reason_required_for": ["approved"]}'
    assert (
        browser.post(form_url, {**stored(queue), "undo_seconds": "5", "policy": policy}).status_code
        == 302
    )
    event = last(queue)
    assert (event.kind, event.actor, event.surface) == ("queue.changed", oscar, "admin")
    assert event.data == {"undo_seconds": ["10", "5"], "policy": ["{}", policy]}


def test_saving_what_was_not_changed_leaves_no_trace(browser: Client, queue: ReviewQueue) -> None:
    seen = AuditEvent.objects.count()
    assert browser.post(at("reviewqueue_edit", queue.pk), stored(queue)).status_code == 302
    assert AuditEvent.objects.count() == seen


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("policy", '{\n  "reason_required_for": [rejected]\n}', "No JSON at line 2, column 27"),
        ("policy", '{"reason_required_for": ["maybe"]}', "at /reason_required_for/0: "),
        ("policy", '{"a": 1, "a": 2}', "twice"),
        ("fields", '[{"path": "a"}, {"label": "b"}]', "at /1: "),
        ("fields", "[[[[", "No JSON at line 1, column 5"),
        ("fields", "[" * 5000, "No JSON|deep"),
        ("output_schema", '{"properties": {"a": {"type": "nothing"}}}', "at /properties/a/type: "),
        ("state_machine_arns", '["arn:aws:s3:::x"]', "at /0: "),
        ("error_name", "States.Nope", "reserved by AWS"),
        ("slug", "manual-review", "already exists"),
        ("timeout_seconds", "0", "greater than or equal to 1"),
    ],
)
def test_a_bad_value_is_refused_at_its_place_and_kept_as_it_was_typed(
    browser: Client, queue: ReviewQueue, name: str, text: str, expected: str
) -> None:
    answer = browser.post(at("reviewqueue_new"), {**TYPED, name: text})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert any(
        part in str(form.errors[name]).replace("&quot;", '"') for part in expected.split("|")
    ), form.errors
    assert form[name].value() == text
    assert form["region"].value() == "us-east-1"
    assert not ReviewQueue.objects.filter(slug="refunds").exists()


def test_two_operators_do_not_overwrite_each_other_unseen(
    browser: Client, queue: ReviewQueue
) -> None:
    form_url = at("reviewqueue_edit", queue.pk)
    seen = dict(browser.get(form_url).context["hidden"])
    mine = {**stored(queue), **seen, "name": "Mine"}
    factories.queue(queue.slug, region="eu-west-1")  # somebody else, meanwhile

    answer = browser.post(form_url, mine)

    assert answer.status_code == 412
    assert "Somebody has changed this queue" in answer.content.decode()
    assert answer.context["form"]["name"].value() == "Mine"
    queue.refresh_from_db()
    assert queue.region == "eu-west-1"
    again = {**mine, **dict(answer.context["hidden"])}
    assert browser.post(form_url, again).status_code == 302


@pytest.mark.parametrize("seen", ["0", "-1", "nonsense", "9" * 5000])
def test_a_page_of_settings_that_never_were_is_asked_again(
    browser: Client, queue: ReviewQueue, seen: str
) -> None:
    typed = {**stored(queue), "name": "Mine", "seen": seen}
    assert browser.post(at("reviewqueue_edit", queue.pk), typed).status_code == 412


def test_what_is_no_change_of_settings_makes_no_page_stale(
    browser: Client, queue: ReviewQueue
) -> None:
    form_url = at("reviewqueue_edit", queue.pk)
    seen = dict(browser.get(form_url).context["hidden"])
    queues.ask_check(queue.pk, by=COMMAND_LINE)
    credentials.issue_secret("erp", queue.slug, by=COMMAND_LINE)
    assert browser.post(form_url, {**stored(queue), **seen, "name": "Mine"}).status_code == 302


def test_a_queue_is_disabled_and_enabled(browser: Client, queue: ReviewQueue) -> None:
    form_url = at("reviewqueue_switch", queue.pk)
    assert "stay in SQS" in browser.get(form_url).content.decode()
    queue.refresh_from_db()
    assert queue.enabled
    browser.post(form_url, {"enabled": "no"})
    assert last(queue).data == {"enabled": ["True", "False"]}
    browser.post(form_url, {"enabled": "yes"})
    queue.refresh_from_db()
    assert queue.enabled


def test_a_check_asks_a_worker_and_the_page_shows_its_answer_with_its_age(
    browser: Client,
    oscar: User,
    queue: ReviewQueue,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(at("reviewqueue_check", queue.pk))
    assert wake_ups.flush(10)
    assert sent == [(wake_ups.CHECK, [str(queue.pk)])]
    assert (last(queue).kind, last(queue).actor) == ("queue.check_asked", oscar)
    page = at("reviewqueue_change", queue.pk)
    assert "AWS has not answered yet" in browser.get(page).content.decode()

    findings = [{"level": "problem", "what": "This is a FIFO queue."}]
    long_ago = timezone.now() - timedelta(minutes=7)
    QueueCheck.objects.filter(queue=queue).update(checked_at=long_ago, findings=findings)

    page_text = browser.get(page).content.decode().replace("\xa0", " ")
    assert "AWS was asked 7 minutes ago" in page_text
    assert "This is a FIFO queue." in page_text
    assert ">7 min ago</time>" in browser.get(at("reviewqueue_changelist")).content.decode()


def test_what_does_not_exist_is_not_found(browser: Client) -> None:
    for form_url in ("edit", "switch", "check", "change"):
        assert browser.get(at(f"reviewqueue_{form_url}", UUID(int=1))).status_code == 404
    assert browser.get("/admin/approvals/reviewqueue/nonsense/change/").status_code == 404


def test_settings_that_nothing_reads_yet_are_refused_by_the_form(
    browser: Client, queue: ReviewQueue
) -> None:
    fields = '[{"path": "input.by", "role": "requester"}]'
    answer = browser.post(at("reviewqueue_new"), TYPED | {"fields": fields, "slug": "refunds"})
    assert answer.status_code == 422
    assert (
        "at /0/role: The role requester is not in use yet: leave it empty."
        in answer.content.decode()
    )


def test_stored_settings_that_nothing_reads_yet_are_flagged_and_stay(
    browser: Client, queue: ReviewQueue
) -> None:
    page = at("reviewqueue_change", queue.pk)
    assert "Not in use yet" not in browser.get(page).content.decode()
    ReviewQueue.objects.filter(pk=queue.pk).update(
        escalate_to=factories.queue("leads"),
        fields=[{"path": "input.<b>", "flag_when": {"a": 1}}, {"path": "by", "role": "requester"}],
    )
    shown = browser.get(page).content.decode()
    assert "Not in use yet" in shown
    assert "<li>escalate_to</li>" not in shown
    for name in ("flag_when of input.&lt;b&gt;", "role requester of by"):
        assert f"<li>{name}</li>" in shown
    queue.refresh_from_db()
    form_url = at("reviewqueue_edit", queue.pk)
    assert browser.post(form_url, stored(queue) | {"name": "Renamed"}).status_code == 302
    queue.refresh_from_db()
    assert (queue.name, len(queue.fields)) == ("Renamed", 2)
