"""Faults look to a client as they do on AWS, are logged, and are listed until they happen."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from tests.conditions import wait_until
from tests.fake_aws import FakeAws, Fault, fingerprint
from tests.fake_aws.clients import DECISION, OUTPUT, FakeAccount, client, refusal

# fault, what the client sees, whether the token was closed by this very call
SEEN: list[tuple[Fault, str | type[Exception], bool | None]] = [
    (Fault.LOSE_REPLY_BEFORE_APPLY, ConnectionClosedError, False),
    (Fault.LOSE_REPLY_AFTER_APPLY, ConnectionClosedError, True),
    (Fault.CONNECTION_RESET, ConnectionClosedError, False),
    (Fault.CONNECTION_RESET_AFTER_APPLY, ConnectionClosedError, True),
    (Fault.SERVER_ERROR, "InternalServerError", False),
    (Fault.SERVER_ERROR_AFTER_APPLY, "InternalServerError", True),
    (Fault.THROTTLED, "ThrottlingException", False),
    (Fault.KMS_THROTTLED, "KmsThrottlingException", False),
    (Fault.ACCESS_DENIED, "AccessDeniedException", False),
    (Fault.EXPIRED_CREDENTIALS, "ExpiredTokenException", False),
    (Fault.TOKEN_EXPIRES, "TaskTimedOut", None),
    (Fault.EXECUTION_ABORTS, "TaskTimedOut", None),
    (Fault.OTHER_PARTY, "TaskTimedOut", None),
]


@pytest.mark.parametrize(("fault", "seen", "applied"), SEEN, ids=[str(row[0]) for row in SEEN])
def test_a_planned_fault_looks_like_the_real_one(
    fake: FakeAccount, fault: Fault, seen: str | type[Exception], applied: bool | None
) -> None:
    _, token = fake.order()
    fake.sfn.send_task_heartbeat(taskToken=token)  # the connection is a kept one, as in a worker
    fake.aws.plan("SendTaskSuccess", [fault])
    with pytest.raises(ClientError if isinstance(seen, str) else seen) as caught:
        fake.sfn.send_task_success(taskToken=token, output=OUTPUT)
    if isinstance(caught.value, ClientError):
        assert caught.value.response["Error"]["Code"] == seen
    effect = fake.aws.log.effect_of(token)
    assert (effect is not None and effect["by"] == "call") is bool(applied)
    assert (effect is None) is (applied is False)
    assert_fired_once(fake, token, fault)


@pytest.mark.parametrize("fault", [Fault.STALLED, Fault.STALLED_AFTER_APPLY])
def test_a_call_that_stalls_is_carried_out_although_its_client_has_given_up(
    fake: FakeAccount, fault: Fault
) -> None:
    """`stalled` is carried out after the silence, `stalled_after` before it."""
    _, token = fake.order()
    sfn = client("stepfunctions", fake.aws.endpoint, timeout=0.2)
    fake.aws.plan("SendTaskSuccess", [fault], stall_seconds=0.5)
    with pytest.raises(ReadTimeoutError):
        sfn.send_task_success(taskToken=token, output=OUTPUT)
    sfn.close()
    (call,) = wait_until(lambda: fake.aws.log.calls("SendTaskSuccess"), what="the end of the call")
    (stall,) = fake.aws.log.faults("SendTaskSuccess")
    effect = fake.aws.log.effect_of(token)
    first, second = (stall, effect) if fault == Fault.STALLED else (effect, call)
    assert second["at"] - first["at"] > 0.49
    assert fake.aws.log.winner(token) == DECISION
    assert_fired_once(fake, token, fault)


def assert_fired_once(fake: FakeAccount, token: str, fault: Fault) -> None:
    """Assert that the fault planned for SendTaskSuccess happened, once, with this token."""
    assert [line["fault"] for line in fake.aws.log.faults(token=token)] == [str(fault)]
    assert fake.aws.unfired() == []
    assert fake.aws.fired() == {"SendTaskSuccess": {str(fault): 1}}


def test_sqs_meets_faults_too(fake: FakeAccount) -> None:
    fake.order()
    fake.aws.plan("ReceiveMessage", ["throttled", "server_error", "lost_after", "none"])
    assert refusal(fake.sqs.receive_message, QueueUrl=fake.queue) == "RequestThrottled"
    assert refusal(fake.sqs.receive_message, QueueUrl=fake.queue) == "InternalServerError"
    with pytest.raises(ConnectionClosedError):
        fake.sqs.receive_message(QueueUrl=fake.queue)
    assert fake.receive() == []  # the lost answer took the message along
    assert fake.aws.queue_state(fake.queue)["in_flight"] == 1


def test_a_token_has_a_plan_of_its_own(fake: FakeAccount) -> None:
    _, one = fake.order("o-1")
    _, two = fake.order("o-2")
    fake.aws.plan("SendTask*", ["token_expires"], token=two)
    fake.aws.plan("SendTask*", ["lost_before", "none"], token=fingerprint(one))
    assert refusal(fake.sfn.send_task_success, taskToken=two, output="{}") == "TaskTimedOut"
    with pytest.raises(ConnectionClosedError):
        fake.sfn.send_task_success(taskToken=one, output="{}")
    fake.sfn.send_task_success(taskToken=one, output="{}")
    assert fake.aws.log.tokens_sent_with_other_bytes() == []


def test_a_fault_of_a_task_that_has_ended_did_not_fire(fake: FakeAccount) -> None:
    _, token = fake.order()
    fake.aws.plan("SendTask*", ["none", "token_expires"], token=token)
    fake.sfn.send_task_success(taskToken=token, output="{}")
    assert refusal(fake.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert [row["kind"] for row in fake.aws.unfired()] == ["in vain"]
    assert fake.aws.log.faults() == []


def test_seeded_rates_do_not_depend_on_who_comes_first() -> None:
    def run(order: int) -> dict[str, list[str]]:
        with FakeAws(seed=11, fsync=False) as aws:
            machine = aws.machine(review_queue_url=aws.create_queue("q"))
            arns = [aws.start(machine, f"o-{number}") for number in range(20)]
            aws.rates("SendTask*", throttled=0.3, server_error=0.2, access_denied=0.1)
            sfn = client("stepfunctions", aws.endpoint)
            met: dict[str, list[str]] = {}
            for arn in arns[::order] * 3:
                token = aws.tasks(arn)[0]["token"]
                met.setdefault(arn, []).append(refusal(sfn.send_task_heartbeat, taskToken=token))
            sfn.close()
            return met

    met = run(1)
    assert met == run(-1)
    codes = [code for codes in met.values() for code in codes]
    assert {"", "ThrottlingException", "InternalServerError", "AccessDeniedException"} == set(codes)


def test_a_switch_holds_until_it_is_turned_off(fake: FakeAccount) -> None:
    _, token = fake.order()
    fake.aws.switch("SendTask*", "expired_credentials")
    codes = {refusal(fake.sfn.send_task_heartbeat, taskToken=token) for _ in range(3)}
    assert codes == {"ExpiredTokenException"}
    fake.aws.switch("SendTask*", None)
    fake.sfn.send_task_heartbeat(taskToken=token)


def test_a_token_bucket_throttles(fake: FakeAccount) -> None:
    """AWS throttles with a token bucket that refills."""
    _, token = fake.order()
    fake.aws.bucket("SendTaskHeartbeat", capacity=5, per_second=0.01)
    codes = [refusal(fake.sfn.send_task_heartbeat, taskToken=token) for _ in range(8)]
    assert codes == [""] * 5 + ["ThrottlingException"] * 3


def test_unfired_faults_are_listed(fake: FakeAccount) -> None:
    _, token = fake.order()
    fake.aws.plan("SendTaskSuccess", ["throttled", "none", "lost_after"])
    fake.aws.plan("SendTask*", ["token_expires"], token="f" * 64)
    fake.aws.rates("StartExecution", lost_before=0.5)
    fake.aws.switch("StopExecution", "access_denied")
    fake.aws.bucket("ListExecutions", capacity=3)
    fake.aws.queue_faults(fake.queue, returns=1)
    assert (
        refusal(fake.sfn.send_task_success, taskToken=token, output="{}") == "ThrottlingException"
    )
    unfired = {(row["kind"], row["operation"], row["fault"]) for row in fake.aws.unfired()}
    assert unfired == {
        ("plan", "SendTaskSuccess", "lost_after"),
        ("plan", "SendTask*", "token_expires"),
        ("rate", "StartExecution", "lost_before"),
        ("switch", "StopExecution", "access_denied"),
        ("bucket", "ListExecutions", "throttled"),
        ("queue", "manual-review", "returns"),
    }


def test_a_plan_that_can_never_fire_is_refused(fake: FakeAccount) -> None:
    with pytest.raises(ValueError, match="only SendTask"):
        fake.aws.plan("ReceiveMessage", ["token_expires"])
    with pytest.raises(ValueError, match="lost_sometimes"):
        fake.aws.plan("SendTaskSuccess", ["lost_sometimes"])
    with pytest.raises(ValueError, match="at most 1"):
        fake.aws.rates("SendTask*", throttled=0.7, server_error=0.7)
