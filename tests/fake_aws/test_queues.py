"""Queues: visibility, dead letters, retention, and the faults of a standard queue."""

from __future__ import annotations

from tests.fake_aws import ACCOUNT
from tests.fake_aws.clients import FakeAccount, refusal


def test_an_old_handle_succeeds_without_deleting(fake: FakeAccount) -> None:
    """API reference, DeleteMessage: only the most recent ReceiptHandle deletes."""
    fake.order()
    old = fake.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    new = fake.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    assert old != new
    fake.sqs.delete_message(QueueUrl=fake.queue, ReceiptHandle=old)
    assert fake.aws.queue_state(fake.queue)["messages"] == 1
    fake.sqs.delete_message(QueueUrl=fake.queue, ReceiptHandle=new)
    assert fake.receive() == []
    assert len(fake.aws.log.deletes()) == 1


def test_a_message_is_hidden_for_its_visibility(fake: FakeAccount) -> None:
    """API reference, ChangeMessageVisibility: only of a message in flight."""
    fake.order()
    message = fake.receive(VisibilityTimeout=30)[0]
    assert fake.receive() == []
    fake.aws.advance(31)
    handle = {"QueueUrl": fake.queue, "ReceiptHandle": message["ReceiptHandle"]}
    change = fake.sqs.change_message_visibility
    assert refusal(change, **handle, VisibilityTimeout=9).endswith("MessageNotInflight")
    again = fake.receive()[0]["ReceiptHandle"]
    fake.sqs.change_message_visibility(
        QueueUrl=fake.queue, ReceiptHandle=again, VisibilityTimeout=0
    )
    assert len(fake.receive()) == 1


def test_what_is_received_too_often_goes_to_the_dead_letters(fake: FakeAccount) -> None:
    """RedrivePolicy; the original time of sending stays."""
    dead = fake.aws.create_queue("dead")
    fake.aws.dead_letters(fake.queue, dead, max_receive_count=2)
    fake.order()
    sent = fake.receive(VisibilityTimeout=0, MessageSystemAttributeNames=["All"])[0]
    assert fake.receive(VisibilityTimeout=0)
    assert fake.receive() == []
    buried = fake.sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])[
        "Messages"
    ][0]
    assert buried["MessageId"] == sent["MessageId"]
    assert buried["Attributes"]["SentTimestamp"] == sent["Attributes"]["SentTimestamp"]
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:manual-review"
    assert buried["Attributes"]["DeadLetterQueueSourceArn"] == arn


def test_a_message_is_gone_after_its_retention(fake: FakeAccount) -> None:
    """Four days by default."""
    fake.order()
    fake.aws.advance(4 * 86_400 + 1)
    assert fake.receive() == []


def test_duplicates_arrive_as_often_as_planned(fake: FakeAccount) -> None:
    """Delivery is at least once: copies have one MessageId and a receipt handle each."""
    fake.aws.queue_faults(fake.queue, copies=20, reorder=True)
    for number in range(3):
        fake.order(f"o-{number}")
    seen: list[str] = []
    while got := fake.receive():
        seen += [message["MessageId"] for message in got]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(got)]
        fake.sqs.delete_message_batch(QueueUrl=fake.queue, Entries=entries)
    assert len(seen) == 60
    assert len(set(seen)) == 3
    assert seen != sorted(seen, key=seen.index)
    assert fake.aws.unfired() == []


def test_a_message_may_return_after_it_was_deleted(fake: FakeAccount) -> None:
    """Developer guide, at-least-once delivery: a deleted message may come back, here twice."""
    fake.aws.queue_faults(fake.queue, returns=2)
    _, token = fake.order()
    rounds = 0
    while got := fake.receive():
        rounds += 1
        fake.sqs.delete_message(QueueUrl=fake.queue, ReceiptHandle=got[0]["ReceiptHandle"])
    assert rounds == 3
    assert len(fake.aws.log.deletes(token)) == 3


def test_deletes_may_do_nothing_or_fail_in_part(fake: FakeAccount) -> None:
    """HTTP 200 with entries in Failed, and a delete that "succeeds" without deleting."""
    fake.order()
    fake.aws.queue_faults(fake.queue, failed_deletes=1.0)
    handle = fake.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    entries = [{"Id": "0", "ReceiptHandle": handle}]
    answer = fake.sqs.delete_message_batch(QueueUrl=fake.queue, Entries=entries)
    assert [failed["Id"] for failed in answer["Failed"]] == ["0"]
    fake.aws.queue_faults(fake.queue, stale_deletes=1.0, visibility=0.0)
    handle = fake.receive()[0]["ReceiptHandle"]
    fake.sqs.delete_message(QueueUrl=fake.queue, ReceiptHandle=handle)
    assert len(fake.receive()) == 1
    assert fake.aws.log.deletes() == []
