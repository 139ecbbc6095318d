"""What AWS answers about a queue, in sentences: `check_queue` prints them, a task stores them for pages."""

from __future__ import annotations

import io
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from celery import current_app
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from approvals import tasks
from approvals.arns import Place
from approvals.gateways import aws, sqs
from approvals.models import QueueCheck, ReviewQueue, ReviewTask
from approvals.polling import checking
from approvals.records import service_quotas, wake_ups
from tests import factories
from tests.gateways import wire
from tests.polling.commands import registered, run

if TYPE_CHECKING:
    from tests.account import Sqs

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
ROLE = "arn:aws:iam::123456789012:role/countersign"


def checked(code: int | None = None) -> str:
    """What `check_queue` prints, and its exit code."""
    out, ended = io.StringIO(), None
    try:
        call_command("check_queue", "manual-review", stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        ended = end.code
    assert ended == code, out.getvalue()
    return out.getvalue()


def to_do(text: str) -> list[str]:
    """The lines that ask for something to be done."""
    return [line for line in text.splitlines() if not line.startswith("ok ")]


def test_a_queue_that_is_well_set_up_has_nothing_to_be_done(account: Sqs) -> None:
    url, dead = account.make_pair(MessageRetentionPeriod=345_600)
    registered(url)

    text = checked()

    assert to_do(text) == []
    for expected in (account.arn(url), account.arn(dead), "standard queue", "4 days", "60 seconds"):
        assert expected in text


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"VisibilityTimeout": 0}, "visibility timeout is 0 seconds: a batch may come again"),
        ({"VisibilityTimeout": 29}, "counts as a receive"),
        ({"VisibilityTimeout": 43_200}, "visibility timeout is 12 hours: that long a review waits"),
        ({"MessageRetentionPeriod": 3_600}, "kept for 60 minutes, but reviews wait for 24 hours"),
        ({"SqsManagedSseEnabled": "false"}, "Not encrypted at rest"),
    ],
)
def test_what_will_hurt_one_day_is_a_warning(
    attributes: dict[str, Any], expected: str, account: Sqs
) -> None:
    url, _ = account.make_pair(**attributes)
    registered(url)

    (line,) = to_do(checked(3))

    assert line.startswith("warning ")
    assert expected in line


def test_no_dead_letters_few_receives_and_short_keeping_are_warnings(account: Sqs) -> None:
    queue = registered(account.make(VisibilityTimeout=60))
    assert "No dead-letter queue" in to_do(checked(3))[0]

    url, dead = account.make_pair(receives=1)
    account.set(dead, MessageRetentionPeriod=86_400)
    ReviewQueue.objects.filter(pk=queue.pk).update(sqs_url=url)
    account.send(dead)
    few, short, waiting = to_do(checked(3))

    assert "maxReceiveCount is 1" in few
    assert "24 hours from when they were sent" in short
    assert "About 1 dead letters wait" in waiting


def test_a_queue_and_its_dead_letters_at_the_longest_retention_cannot_do_better(
    account: Sqs,
) -> None:
    url, _ = account.make_pair(MessageRetentionPeriod=1_209_600)
    registered(url, timeout_seconds=30 * 86_400)

    assert to_do(checked()) == []


def test_a_kms_key_is_named_with_the_rights_it_needs(account: Sqs) -> None:
    url, _ = account.make_pair(KmsMasterKeyId="alias/reviews")
    registered(url)

    text = checked()

    assert "KMS key alias/reviews" in text
    assert "kms:Decrypt" in text


def test_a_queue_that_is_not_there_is_a_problem_in_one_line(account: Sqs) -> None:
    registered(account.make() + "-gone")

    (line,) = to_do(checked(3))

    assert line.startswith("problem ")
    assert "No such queue there" in line


def test_nobody_answering_is_a_problem_and_no_traceback(db: None) -> None:
    aws.forget()
    registered("http://127.0.0.1:9/1/q")

    assert "EndpointConnectionError" in checked(3)


@pytest.mark.parametrize("refused", ["GetQueueAttributes", "GetQueueUrl", "of the dead letters"])
def test_a_missing_right_is_named(refused: str, settings: Settings) -> None:
    def answer(request: bytes) -> tuple[int, Any]:
        head, _, sent = request.partition(b"\n\n")
        dead = b"dead" in sent
        if refused.encode() in head or (
            refused == "of the dead letters" and dead and b"Attr" in head
        ):
            return 400, {"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}
        if b"GetQueueUrl" in head:
            return 200, {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/dead"}
        policy = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
        return 200, {"Attributes": {"RedrivePolicy": json.dumps(policy | {"maxReceiveCount": "7"})}}

    with wire.answering(answer) as server:
        settings.AWS_ENDPOINT_URL = server.url
        aws.forget()
        registered("https://sqs.us-east-1.amazonaws.com/123456789012/q")
        problems = [line for line in to_do(checked(3)) if line.startswith("problem")]
    aws.forget()

    action = "GetQueueUrl" if refused == "GetQueueUrl" else "GetQueueAttributes"
    (line,) = problems
    assert (f"sqs:{action}" in line, "AccessDenied" in line) == (True, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        "https://eu-west-1.queue.amazonaws.com/123456789012/q",
        "https://vpce-1-x.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q",
    ],
)
def test_a_url_of_another_region_is_a_problem(url: str, db: None) -> None:
    queue = registered(url, region="us-east-1")

    first = checking.check(queue)[0]

    assert first.level == "problem"
    assert "eu-west-1" in first.what
    assert "us-east-1" in first.what


def test_a_queue_that_lies_in_another_region_is_a_problem(
    account: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = account.make_pair()
    queue = registered(url)
    found = account.attributes(url)
    elsewhere = found | {"QueueArn": found["QueueArn"].replace("us-east-1", "eu-west-3")}
    monkeypatch.setattr(sqs, "attributes", lambda *_: elsewhere)

    assert "register_queue with --region eu-west-3" in checked(3)
    assert queue.region == "us-east-1"


def test_a_role_without_a_list_of_state_machines_is_a_warning(account: Sqs) -> None:
    url, _ = account.make_pair()
    queue = registered(url, role_arn=ROLE)
    assert "--state-machine" in to_do(checked(3))[0]

    ReviewQueue.objects.filter(pk=queue.pk).update(state_machine_arns=[MACHINE])
    assert to_do(checked()) == []


@pytest.mark.parametrize(
    ("region", "seconds", "most"),
    [("us-east-1", 60, "5,000"), ("eu-west-1", 30, "2,500"), ("eu-central-1", 60, "3,000")],
)
def test_the_heartbeat_says_how_many_reviews_it_keeps_alive(
    region: str, seconds: int, most: str, db: None
) -> None:
    url = f"https://sqs.{region}.amazonaws.com/123456789012/q"
    queue = registered(url, region=region, heartbeat_seconds=seconds)
    factories.review(queue)

    first = checking.check(queue)[0]

    assert first.level == "ok"
    assert f"{most} open reviews can be kept alive" in first.what
    assert "1 are open" in first.what


def test_more_open_reviews_than_the_heartbeat_can_keep_are_a_problem(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = registered("https://q.example/q", heartbeat_seconds=60, timeout_seconds=60)
    factories.review(queue)
    monkeypatch.setitem(service_quotas.QUOTAS, "us-east-1", 0)

    most, timeout = checking.check(queue)[:2]

    assert (most.level, timeout.level) == ("problem", "warning")
    assert "HeartbeatSeconds below TimeoutSeconds" in timeout.what


def test_an_unknown_queue_is_one_line(db: None) -> None:
    with pytest.raises(CommandError, match="register_queue makes one"):
        checked()


def test_fifo_messages_are_taken_in_group_by_group(account: Sqs) -> None:
    url, dead = account.make_pair(fifo=True)
    registered(url)
    sent = []
    for number in range(25):
        reference = f"{'abc'[number % 3]}-{number:02}"
        account.send(url, factories.message(orderId=reference), MessageGroupId=reference[0])
        sent.append(reference)
    account.send(url, "{broken", MessageGroupId="a")

    run("poll_queue", "--once")

    arrived = list(ReviewTask.objects.order_by("received_at", "sent_at").values_list("reference"))
    assert sorted(reference for (reference,) in arrived) == sorted(sent)
    assert (account.left(url), account.left(dead)) == (0, 0)
    text = checked()
    assert to_do(text) == []
    assert "A FIFO queue" in text


def test_a_fifo_queue_that_may_drop_the_message_of_a_retry_is_a_warning(account: Sqs) -> None:
    url, _ = account.make_pair(fifo=True, ContentBasedDeduplication="false")
    registered(url)

    (line,) = to_do(checked(3))

    assert re.search("order id.*loses the message of a retry within 5 minutes", line)


def test_the_task_stores_what_was_found_for_pages(account: Sqs) -> None:
    url, _ = account.make_pair()
    queue = registered(url)

    for _ in range(2):
        tasks.check_queue(str(queue.pk))

    kept = QueueCheck.objects.get(queue=queue)
    assert kept.checked_at is not None
    assert kept.findings == [
        {"level": str(each.level), "what": each.what} for each in checking.check(queue)
    ]
    assert wake_ups.CHECK in current_app.tasks


def test_a_check_receives_nothing_and_changes_nothing(account: Sqs) -> None:
    url, dead = account.make_pair(receives=1)
    queue = registered(url)
    account.send(url)
    before = account.attributes(url)

    for _ in range(3):
        checking.check(queue)

    assert account.attributes(url) == before
    assert (account.left(url), account.left(dead)) == (1, 0)


def test_a_check_of_a_queue_that_is_gone_fails(db: None) -> None:
    with pytest.raises(ReviewQueue.DoesNotExist):
        checking.check_and_store(uuid.uuid4())


def test_the_account_itself_refuses_a_queue_that_is_not_there(account: Sqs) -> None:
    with pytest.raises(ClientError):
        aws.sqs(Place("us-east-1")).get_queue_url(QueueName="gone")
