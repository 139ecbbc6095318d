"""The fake of AWS keeps to botocore's model and to what is documented (§: aws-semantics.md).

Every reply to every client below is held against the service model, members, types and enums alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from tests.fake_aws import ACCOUNT, FakeAws, Fault, Log, fingerprint, spawned
from tests.fake_aws.remote import ControlError

DECISION = "0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b"
OUTPUT = json.dumps({"decision": "approved", "decision_id": DECISION})
COMMON_ERRORS = {
    *(
        "AccessDeniedException",
        "ExpiredTokenException",
        "ThrottlingException",
        "InternalServerError",
    ),
    *("ServiceUnavailable", "ValidationException", "InvalidParameterValue", "MissingParameter"),
}
_session = boto3.Session(aws_access_key_id="fake", aws_secret_access_key="fake")


def misfits(value: Any, shape: Any, place: str = "") -> list[str]:
    """Where a JSON value departs from a botocore shape."""
    kinds: dict[str, Any] = {
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
        "timestamp": (int, float),
        "list": list,
        "map": dict,
        "structure": dict,
    }
    if not isinstance(value, kinds[shape.type_name]):
        return [f"{place}: {type(value).__name__} is no {shape.type_name}"]
    if shape.type_name == "structure":
        absent = [
            f"{place}.{name} is missing" for name in shape.required_members if name not in value
        ]
        unknown = [
            f"{place}.{name} is not in the model" for name in value if name not in shape.members
        ]
        inner = [(value[k], member, k) for k, member in shape.members.items() if k in value]
        return absent + unknown + [m for v, s, k in inner for m in misfits(v, s, f"{place}.{k}")]
    if shape.type_name == "list":
        return [m for i, v in enumerate(value) for m in misfits(v, shape.member, f"{place}[{i}]")]
    if shape.type_name == "map":
        return [
            m
            for k, v in value.items()
            for m in misfits(k, shape.key, place) + misfits(v, shape.value, f"{place}.{k}")
        ]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{place}: {value!r} is not one of {shape.enum}"]
    most = shape.metadata.get("max")
    return [f"{place} is longer than {most}"] if most and len(str(value)) > most else []


def _held_against_the_model(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    body = json.loads(http_response.content)
    assert parsed["ResponseMetadata"]["RequestId"]
    if http_response.status_code == 200:
        assert not model.output_shape or misfits(body, model.output_shape) == []
        assert model.output_shape or body == {}
        return
    code = body["__type"].rpartition("#")[2]
    assert code in COMMON_ERRORS | {shape.name for shape in model.error_shapes}, code
    assert body["message"]
    assert http_response.status_code == (500 if code == "InternalServerError" else 400)


def client(service: str, endpoint: str, region: str = "eu-west-1", *, timeout: float = 5.0) -> Any:
    """A real client, set up like those of approvals.gateways.aws: one call, one request."""
    config = Config(
        connect_timeout=3,
        read_timeout=timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=64,
    )
    made = _session.client(service, region_name=region, endpoint_url=endpoint, config=config)
    made.meta.events.register("after-call", _held_against_the_model)
    return made


@dataclass
class Scene:
    """The fake with a review queue and a state machine, and a client of each service."""

    aws: FakeAws
    queue: str
    machine: str

    @cached_property
    def sfn(self) -> Any:
        """A client of Step Functions, made when it is first asked for: that takes its time."""
        return client("stepfunctions", self.aws.endpoint)

    @cached_property
    def sqs(self) -> Any:
        """A client of SQS."""
        return client("sqs", self.aws.endpoint)

    def order(self, name: str = "order-1", **branch: Any) -> tuple[str, str]:
        """An execution that waits; its ARN and its token."""
        arn = self.aws.start(self.machine, name, {"order_id": name})
        if branch:
            return arn, self.aws.open_task(arn, queue_url=self.queue, **branch)
        return arn, self.aws.tasks(arn)[0]["token"]

    def receive(self, **options: Any) -> list[dict[str, Any]]:
        """One ReceiveMessage of up to ten."""
        asked = {"QueueUrl": self.queue, "MaxNumberOfMessages": 10, **options}
        return list(self.sqs.receive_message(**asked).get("Messages", []))

    def events(self, arn: str, **options: Any) -> list[dict[str, Any]]:
        """The history of an execution, all pages of it."""
        pages = self.sfn.get_paginator("get_execution_history")
        found = pages.paginate(executionArn=arn, **options)
        return [event for page in found for event in page["events"]]

    def types(self, arn: str) -> list[str]:
        """The types of its events, oldest first."""
        return [event["type"] for event in self.events(arn)]

    def status(self, arn: str) -> str:
        """What DescribeExecution says."""
        return str(self.sfn.describe_execution(executionArn=arn)["status"])


@pytest.fixture
def scene() -> Iterator[Scene]:
    with FakeAws(seed=7) as aws:
        queue = aws.create_queue("manual-review")
        machine = aws.machine(review_queue_url=queue)
        made = Scene(aws, queue, machine)
        yield made
        for name in {"sfn", "sqs"} & set(vars(made)):
            getattr(made, name).close()


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code a call is refused with; empty if it is not."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def chain(events: list[dict[str, Any]], token: str) -> list[str]:
    """The types of the events on a token's chain, from its TaskScheduled on, by previousEventId."""
    text = json.dumps(token)
    at = next(
        event["id"]
        for event in events
        if text in event.get("taskScheduledEventDetails", {}).get("parameters", "")
    )
    types = ["TaskScheduled"]
    while followers := [event for event in events if event["previousEventId"] == at]:
        at = followers[0]["id"]
        types.append(followers[0]["type"])
    return types


# --- 1. Every operation answers as botocore's model says -----------------------------------------


def test_every_reply_of_step_functions_fits_the_model(scene: Scene) -> None:
    arn = scene.sfn.start_execution(stateMachineArn=scene.machine, name="o-1", input="{}")[
        "executionArn"
    ]
    token = scene.aws.tasks(arn)[0]["token"]
    scene.sfn.send_task_heartbeat(taskToken=token)
    scene.sfn.send_task_failure(taskToken=token, error="ReviewRejected", cause="no")
    scene.sfn.redrive_execution(executionArn=arn)
    scene.sfn.describe_state_machine_for_execution(executionArn=arn)
    scene.sfn.send_task_success(taskToken=scene.aws.tasks(arn)[-1]["token"], output=OUTPUT)
    other, _ = scene.order("o-2")
    scene.sfn.stop_execution(executionArn=other, error="Operator", cause="stopped")
    assert scene.status(arn) == "SUCCEEDED"
    assert len(scene.sfn.list_executions(stateMachineArn=scene.machine)["executions"]) == 2
    assert scene.events(arn)
    served = {line["op"] for line in scene.aws.log.calls()}
    assert served == set(scene.aws.account.stepfunctions.operations)


def test_every_reply_of_sqs_fits_the_model(scene: Scene) -> None:
    sqs = scene.sqs
    url = sqs.create_queue(QueueName="other", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    assert sqs.get_queue_url(QueueName="other")["QueueUrl"] == url
    assert url in sqs.list_queues()["QueueUrls"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    note = {"trace": {"DataType": "String", "StringValue": "abc"}}
    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=note)
    sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "{}"} for n in range(3)]
    )
    got = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )["Messages"]
    first, second, third, fourth = (message["ReceiptHandle"] for message in got)
    assert got[0]["MessageAttributes"]["trace"]["StringValue"] == "abc"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=1)
    entries = [{"Id": "a", "ReceiptHandle": second, "VisibilityTimeout": 1}]
    sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=third)
    entries = [{"Id": "a", "ReceiptHandle": fourth}, {"Id": "b", "ReceiptHandle": "forged"}]
    partial = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Code"] for entry in partial["Failed"]] == ["ReceiptHandleIsInvalid"]
    sizes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert sizes["ApproximateNumberOfMessagesNotVisible"] == "2"
    sqs.purge_queue(QueueUrl=url)
    assert scene.aws.queue_state(url)["messages"] == 0
    served = {line["op"] for line in scene.aws.log.calls()}
    assert served == set(scene.aws.account.sqs.operations)


def test_a_reply_that_departs_from_the_model_is_noticed(scene: Scene) -> None:
    shape = scene.sfn.meta.service_model.operation_model("DescribeExecution").output_shape
    arn, _ = scene.order()
    body = {"executionArn": arn, "stateMachineArn": "a", "status": "STARTED", "startDate": "today"}
    wrong = misfits({**body, "nonsense": 1}, shape)
    assert [line.split(" ")[0].strip(":") for line in wrong] == [
        ".nonsense",
        ".status",
        ".startDate",
    ]
    assert misfits({}, shape)[0] == ".executionArn is missing"


# --- 2. What is documented, one row or one test a rule -------------------------------------------

LONG_NAME = "n" * 81
REFUSALS = [
    # §, operation, arguments (MACHINE, ARN, TOKEN stand for live ones), code, a piece of the message
    (
        "1",
        "send_task_success",
        {"taskToken": "unknown", "output": "{}"},
        "InvalidToken",
        "Invalid token",
    ),
    (
        "1",
        "send_task_heartbeat",
        {"taskToken": "unknown"},
        "InvalidToken",
        "Invalid Token: 'Invalid",
    ),
    ("1", "send_task_success", {"taskToken": "TOKEN", "output": "{not"}, "InvalidOutput", "JSON"),
    ("1", "send_task_success", {"taskToken": "TOKEN", "output": "NaN"}, "InvalidOutput", "JSON"),
    ("1", "send_task_success", {"taskToken": "TOKEN", "output": ""}, "InvalidOutput", "JSON"),
    (
        "1",
        "send_task_success",
        {"taskToken": "TOKEN", "output": json.dumps("é" * 131_072, ensure_ascii=False)},
        "ValidationException",
        "262144",
    ),
    (
        "1",
        "send_task_success",
        {"taskToken": "t" * 2049, "output": "{}"},
        "ValidationException",
        "2048",
    ),
    (
        "1",
        "send_task_failure",
        {"taskToken": "TOKEN", "error": "e" * 257},
        "ValidationException",
        "256",
    ),
    (
        "1",
        "send_task_failure",
        {"taskToken": "TOKEN", "cause": "c" * 32_769},
        "ValidationException",
        "32768",
    ),
    ("2", "start_execution", {"stateMachineArn": "MACHINE", "name": "a b"}, "InvalidName", "a b"),
    ("2", "start_execution", {"stateMachineArn": "MACHINE", "name": "a/b"}, "InvalidName", "a/b"),
    (
        "2",
        "start_execution",
        {"stateMachineArn": "MACHINE", "name": LONG_NAME},
        "ValidationException",
        "80",
    ),
    (
        "2",
        "start_execution",
        {"stateMachineArn": "MACHINE", "input": "{"},
        "InvalidExecutionInput",
        "JSON",
    ),
    (
        "2",
        "start_execution",
        {"stateMachineArn": "MACHINE", "input": json.dumps("x" * 262_143)},
        "ValidationException",
        "262144",
    ),
    (
        "2",
        "start_execution",
        {"stateMachineArn": "MACHINE-not"},
        "StateMachineDoesNotExist",
        "MACHINE",
    ),
    ("2", "start_execution", {"stateMachineArn": "nonsense"}, "InvalidArn", "nonsense"),
    ("2", "describe_execution", {"executionArn": "ARN-not"}, "ExecutionDoesNotExist", "ARN-not"),
    (
        "2",
        "get_execution_history",
        {"executionArn": "ARN", "nextToken": "x"},
        "InvalidToken",
        "token",
    ),
    (
        "2",
        "get_execution_history",
        {"executionArn": "ARN", "maxResults": 1001},
        "ValidationException",
        "1000",
    ),
    ("2", "redrive_execution", {"executionArn": "ARN"}, "ExecutionNotRedrivable", "RUNNING"),
    (
        "5",
        "receive_message",
        {"QueueUrl": "QUEUE-not"},
        "AWS.SimpleQueueService.NonExistentQueue",
        "exist",
    ),
    (
        "5",
        "receive_message",
        {"QueueUrl": "QUEUE", "WaitTimeSeconds": 21},
        "InvalidParameterValue",
        "20",
    ),
    (
        "5",
        "receive_message",
        {"QueueUrl": "QUEUE", "MaxNumberOfMessages": 11},
        "InvalidParameterValue",
        "10",
    ),
    (
        "5",
        "delete_message",
        {"QueueUrl": "QUEUE", "ReceiptHandle": "x"},
        "ReceiptHandleIsInvalid",
        "x",
    ),
    (
        "5",
        "send_message",
        {"QueueUrl": "QUEUE", "MessageBody": "\0"},
        "InvalidMessageContents",
        "char",
    ),
    (
        "5",
        "send_message",
        {"QueueUrl": "QUEUE", "MessageBody": "x" * 1_048_577},
        "InvalidParameterValue",
        "1048576",
    ),
    (
        "5",
        "delete_message_batch",
        {"QueueUrl": "QUEUE", "Entries": []},
        "AWS.SimpleQueueService.EmptyBatchRequest",
        "least one",
    ),
]


def test_each_documented_refusal_has_its_code_and_its_words(scene: Scene) -> None:
    arn, token = scene.order()
    live = {"MACHINE": scene.machine, "ARN": arn, "TOKEN": token, "QUEUE": scene.queue}

    def lively(text: Any) -> Any:
        word = text.partition("-")[0] if isinstance(text, str) else None
        return text.replace(word, live[word]) if word in live else text

    wrong = []
    for section, operation, arguments, code, words in REFUSALS:
        service = scene.sqs if section == "5" else scene.sfn
        try:
            getattr(service, operation)(**{key: lively(value) for key, value in arguments.items()})
            wrong.append((operation, code, "accepted"))
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] != code or lively(words) not in said["Message"]:
                wrong.append((operation, code, said))
    assert wrong == []
    assert scene.aws.log.effect_of(token) is None  # none of these closed it


def test_a_forbidden_character_is_no_name(scene: Scene) -> None:
    """§2: name."""
    accepted = []
    for character in [*'<>{}[]?*"#%\\^|~`$&,;:/ \t\n', "\x7f", "\u0085", "\u00a0"]:
        start = {"stateMachineArn": scene.machine, "name": f"order{character}1"}
        if refusal(scene.sfn.start_execution, **start) != "InvalidName":
            accepted.append(character)
    assert accepted == []
    scene.sfn.start_execution(stateMachineArn=scene.machine, name="o" * 79 + "é")


def test_a_token_ends_once(scene: Scene) -> None:
    """§1: a second use is TaskTimedOut, even with the same bytes."""
    arn, token = scene.order()
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    with pytest.raises(
        scene.sfn.exceptions.TaskTimedOut, match="'Provided task does not exist anymore'"
    ):
        scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    assert refusal(scene.sfn.send_task_failure, taskToken=token) == "TaskTimedOut"
    assert refusal(scene.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert scene.status(arn) == "SUCCEEDED"
    assert scene.aws.log.winner(token) == DECISION


def test_of_thirty_two_callers_at_once_one_wins(scene: Scene) -> None:
    """§1: two concurrent first calls, exactly one 200."""
    _, token = scene.order()
    start = threading.Barrier(32)

    def race(number: int) -> str:
        start.wait()
        return refusal(scene.sfn.send_task_success, taskToken=token, output=f'{{"n": {number}}}')

    with ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(race, range(32)))
    assert sorted(codes) == [""] + ["TaskTimedOut"] * 31
    assert len([call for call in scene.aws.log.calls(token=token) if call["applied"]]) == 1
    assert scene.aws.log.closed_more_than_once() == []
    assert scene.aws.log.tokens_sent_with_other_bytes() == [fingerprint(token)]


def test_a_token_is_good_in_its_own_region_only(scene: Scene) -> None:
    """§1: only at the same region's endpoint."""
    _, token = scene.order()
    elsewhere = client("stepfunctions", scene.aws.endpoint, "us-east-1")
    assert refusal(elsewhere.send_task_success, taskToken=token, output="{}") == "InvalidToken"
    elsewhere.close()
    scene.sfn.send_task_success(taskToken=token, output="{}")


def test_the_limits_themselves_are_accepted(scene: Scene) -> None:
    """§1: 262,144 bytes of output, 256 and 32,768 characters of error and cause."""
    _, first = scene.order("o-1")
    _, second = scene.order("o-2")
    scene.sfn.send_task_success(taskToken=first, output=json.dumps("x" * 262_142))
    scene.sfn.send_task_failure(taskToken=second, error="é" * 256, cause="é" * 32_768)


def test_a_timeout_fails_the_execution_unless_it_is_caught(scene: Scene) -> None:
    """§1 and the recording [L]: error States.Timeout, no TaskStateExited without a Catch."""
    arn, token = scene.order("o-1", timeout_seconds=60)
    caught, other = scene.order("o-2", timeout_seconds=60, catch=True)
    scene.aws.advance(61)
    assert refusal(scene.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert refusal(scene.sfn.send_task_success, taskToken=other, output="{}") == "TaskTimedOut"
    assert (scene.status(arn), scene.status(caught)) == ("FAILED", "RUNNING")
    timed_out = next(event for event in scene.events(arn) if event["type"] == "TaskTimedOut")
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"
    assert scene.aws.log.effect_of(token)["by"] == "timeout"


def test_a_timeout_with_a_retry_sends_a_new_message_by_itself(scene: Scene) -> None:
    """§1: a Retry schedules the task again, as often as it may."""
    scene.aws.machine(review_queue_url=scene.queue, timeout_seconds=60, retries=2)
    arn, _ = scene.order()
    counts = []
    for _ in range(4):
        came = scene.receive(VisibilityTimeout=1000)
        counts += [json.loads(message["Body"])["retryCount"] for message in came]
        scene.aws.advance(61)
    assert counts == [0, 1, 2]
    assert scene.status(arn) == "FAILED"


def test_a_heartbeat_moves_its_own_clock_only(scene: Scene) -> None:
    """§1: HeartbeatSeconds restarts, TimeoutSeconds does not; a missed beat is States.Timeout too."""
    _, token = scene.order("o-1", timeout_seconds=100, heartbeat_seconds=20)
    for _ in range(4):
        scene.aws.advance(15)
        scene.sfn.send_task_heartbeat(taskToken=token)
    scene.aws.advance(21)
    assert refusal(scene.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert scene.aws.log.effect_of(token)["by"] == "heartbeat"
    _, token = scene.order("o-2", timeout_seconds=30, heartbeat_seconds=20)
    scene.aws.advance(15)
    scene.sfn.send_task_heartbeat(taskToken=token)
    scene.aws.advance(16)
    assert refusal(scene.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
    assert scene.aws.log.effect_of(token)["by"] == "timeout"


def test_a_retry_brings_a_new_token_on_the_same_chain(scene: Scene) -> None:
    """§1: a new token and a second message; the old token is dead."""
    arn, old = scene.order()
    new = scene.aws.retry(old)
    assert refusal(scene.sfn.send_task_success, taskToken=old, output="{}") == "TaskTimedOut"
    bodies = [json.loads(message["Body"]) for message in scene.receive()]
    assert [(body["taskToken"], body["retryCount"]) for body in bodies] == [(old, 0), (new, 1)]
    scene.sfn.send_task_success(taskToken=new, output=OUTPUT)
    whole = ["TaskScheduled", "TaskStarted", "TaskSubmitted"]
    end = ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]
    assert chain(scene.events(arn), new) == whole + end
    assert chain(scene.events(arn), old) == [*whole, "TaskTimedOut", *whole, *end]


def test_a_history_is_the_recorded_one(scene: Scene) -> None:
    """§2: the events of a callback task, 3←4←5←6, with token and MessageId in them."""
    arn, token = scene.order()
    message = scene.receive()[0]
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    events = scene.events(arn)
    assert [(event["id"], event["previousEventId"], event["type"]) for event in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "TaskScheduled"),
        (4, 3, "TaskStarted"),
        (5, 4, "TaskSubmitted"),
        (6, 5, "TaskSucceeded"),
        (7, 6, "TaskStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]
    scheduled = events[2]["taskScheduledEventDetails"]
    assert json.loads(scheduled["parameters"])["MessageBody"]["taskToken"] == token
    assert (scheduled["region"], scheduled["timeoutInSeconds"]) == ("eu-west-1", 86_400)
    submitted = json.loads(events[4]["taskSubmittedEventDetails"]["output"])
    assert submitted["MessageId"] == message["MessageId"]
    assert submitted["MD5OfMessageBody"] == message["MD5OfBody"]
    assert events[5]["taskSucceededEventDetails"]["output"] == OUTPUT


def test_the_message_is_the_full_one(scene: Scene) -> None:
    """§9.9: schemaVersion, token, execution, state, counts, timeout, error and input."""
    arn, _ = scene.order("o-1", item_index=3)
    body = json.loads(scene.receive()[1]["Body"])
    assert {
        key: body[key] for key in ("schemaVersion", "orderId", "executionArn", "stateName")
    } == {
        "schemaVersion": "1",
        "orderId": "o-1",
        "executionArn": arn,
        "stateName": "ManualReview",
    }
    assert (body["itemIndex"], body["timeoutSeconds"], body["redriveCount"]) == (3, 86_400, 0)
    assert body["error"]["Error"] == "PaymentDeclined"
    assert body["input"] == {"order_id": "o-1"}


def test_parallel_branches_interleave_and_each_chain_holds(scene: Scene) -> None:
    """§2: never list order, branches interleave."""
    scene.aws.machine(review_queue_url="")
    arn = scene.aws.start(scene.machine, "o-1")
    branches = [{"queue_url": scene.queue, "item_index": index} for index in range(3)]
    one, two, three = scene.aws.open_tasks(arn, branches, padding=12)
    scene.sfn.send_task_success(taskToken=two, output=OUTPUT)
    scene.sfn.send_task_success(taskToken=one, output="{}")
    assert scene.status(arn) == "RUNNING"
    scene.sfn.send_task_success(taskToken=three, output="{}")
    assert scene.status(arn) == "SUCCEEDED"
    events = scene.events(arn)
    places = [event["id"] for event in events if event["type"] == "TaskSubmitted"]
    chains = [event["previousEventId"] for event in events if event["type"] == "TaskSubmitted"]
    assert all(place - before > 2 for place, before in zip(places, chains, strict=True))
    ended = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    assert chain(events, two) == ended
    rest = ["ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"]
    assert chain(events, three) == ended + rest


def test_an_uncaught_failure_aborts_the_other_branches(scene: Scene) -> None:
    """§2: in Parallel failure, TaskStateAborted."""
    scene.aws.machine(review_queue_url="")
    arn = scene.aws.start(scene.machine, "o-1")
    one, two = scene.aws.open_tasks(arn, [{"queue_url": scene.queue}] * 2)
    cause = f"Rejected by bob: no [decision {DECISION}]"
    scene.sfn.send_task_failure(taskToken=one, error="ReviewRejected", cause=cause)
    described = scene.sfn.describe_execution(executionArn=arn)
    assert (described["status"], described["error"]) == ("FAILED", "ReviewRejected")
    assert refusal(scene.sfn.send_task_success, taskToken=two, output="{}") == "TaskTimedOut"
    assert chain(scene.events(arn), two)[-1] == "TaskStateAborted"
    assert scene.aws.log.winner(one) == DECISION
    assert scene.aws.log.effect_of(two)["by"] == "execution_end"


def test_a_caught_failure_lets_the_execution_go_on(scene: Scene) -> None:
    """§9.2: with a Catch a rejection does not fail the execution."""
    arn, first = scene.order()
    second = scene.aws.open_task(arn, catch=True)
    scene.sfn.send_task_failure(taskToken=second, error="ReviewRejected", cause="no")
    assert scene.status(arn) == "RUNNING"
    scene.sfn.send_task_success(taskToken=first, output="{}")
    assert scene.status(arn) == "SUCCEEDED"


def test_a_failure_without_words_has_neither_key(scene: Scene) -> None:
    """§1 [L no_error_field]."""
    arn, token = scene.order()
    scene.sfn.send_task_failure(taskToken=token)
    failed = next(event for event in scene.events(arn) if event["type"] == "TaskFailed")
    assert set(failed["taskFailedEventDetails"]) == {"resource", "resourceType"}


def test_a_stop_kills_the_tokens(scene: Scene) -> None:
    """§2: StopExecution, ABORTED, tokens die."""
    arn, token = scene.order()
    first = scene.sfn.stop_execution(executionArn=arn, error="Operator", cause="why")["stopDate"]
    assert scene.status(arn) == "ABORTED"
    assert refusal(scene.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert scene.types(arn)[-1] == "ExecutionAborted"
    assert scene.sfn.stop_execution(executionArn=arn)["stopDate"] == first
    assert scene.aws.log.effect_of(token)["by"] == "abort"


def test_a_redrive_gives_a_new_token_under_the_same_arn(scene: Scene) -> None:
    """§2: RedriveExecution; idempotent by clientToken, not for what succeeded, 14 days."""
    arn, token = scene.order()
    scene.aws.abort(arn)
    when = scene.sfn.redrive_execution(executionArn=arn, clientToken="c-1")["redriveDate"]
    assert scene.sfn.redrive_execution(executionArn=arn, clientToken="c-1")["redriveDate"] == when
    body = json.loads(scene.receive()[-1]["Body"])
    assert body["taskToken"] != token
    assert (body["redriveCount"], body["retryCount"]) == (1, 0)
    assert "ExecutionRedriven" in scene.types(arn)
    scene.sfn.send_task_success(taskToken=body["taskToken"], output="{}")
    assert refusal(scene.sfn.redrive_execution, executionArn=arn) == "ExecutionNotRedrivable"
    other, _ = scene.order("o-2")
    scene.aws.abort(other)
    scene.aws.advance(15 * 86_400)
    assert refusal(scene.sfn.redrive_execution, executionArn=other) == "ExecutionNotRedrivable"


def test_a_client_token_is_forgotten_after_a_quarter_of_an_hour(scene: Scene) -> None:
    """API reference, RedriveExecution: clientToken, 15 minutes."""
    arn, _ = scene.order()

    def redrive():
        return scene.sfn.redrive_execution(executionArn=arn, clientToken="c")

    scene.aws.abort(arn)
    first = redrive()["redriveDate"]
    scene.aws.abort(arn)
    scene.aws.advance(899)
    assert redrive()["redriveDate"] == first
    assert scene.aws.execution(arn)["redrive_count"] == 1
    scene.aws.advance(2)
    redrive()
    assert scene.aws.execution(arn)["redrive_count"] == 2


def test_an_execution_keeps_the_definition_it_was_started_with(scene: Scene) -> None:
    """API reference, DescribeStateMachineForExecution; the first revision has no id."""
    arn, _ = scene.order()
    ask = scene.sfn.describe_state_machine_for_execution
    first = ask(executionArn=arn)
    assert "revisionId" not in first
    scene.aws.machine(review_queue_url="", revision="r-2", definition={"StartAt": "Else"})
    assert ask(executionArn=arn)["definition"] == first["definition"]


def test_a_start_is_idempotent_only_while_it_runs_with_the_same_input(scene: Scene) -> None:
    """§2: StartExecution; the name is free again 90 days after the end."""
    start = {"stateMachineArn": scene.machine, "name": "order-1", "input": '{"order_id":"1"}'}
    first = scene.sfn.start_execution(**start)
    assert scene.sfn.start_execution(**start)["startDate"] == first["startDate"]
    assert len(scene.aws.log.effects("ExecutionStarted")) == 1
    other = {**start, "input": '{"order_id": "1"}'}
    assert refusal(scene.sfn.start_execution, **other) == "ExecutionAlreadyExists"
    scene.aws.abort(first["executionArn"])
    assert refusal(scene.sfn.start_execution, **start) == "ExecutionAlreadyExists"
    scene.aws.advance(91 * 86_400)
    assert (
        refusal(scene.sfn.describe_execution, executionArn=first["executionArn"])
        == "ExecutionDoesNotExist"
    )
    scene.sfn.start_execution(**start)
    assert scene.status(first["executionArn"]) == "RUNNING"


def test_a_long_history_is_paged_both_ways(scene: Scene) -> None:
    """§2: at most 1000 a page, reverseOrder, nextToken."""
    scene.aws.machine(review_queue_url=scene.queue, padding=1200)
    arn, token = scene.order()
    scene.aws.pad(arn, 400)
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    forward = scene.events(arn, maxResults=1000)
    assert [event["id"] for event in forward] == list(range(1, len(forward) + 1))
    assert len(forward) == 1608
    first = scene.sfn.get_execution_history(executionArn=arn, maxResults=1000, reverseOrder=True)
    assert [event["id"] for event in first["events"]] == list(range(1608, 608, -1))
    scene.aws.pad(arn, 10)  # a history that grows between two pages moves none of them
    more = {"executionArn": arn, "nextToken": first["nextToken"]}
    rest = scene.sfn.get_execution_history(**more, maxResults=1000, reverseOrder=True)
    assert [event["id"] for event in rest["events"]] == list(range(608, 0, -1))
    assert "nextToken" not in rest
    # the token belongs to the question it came with
    assert refusal(scene.sfn.get_execution_history, **more) == "InvalidToken"
    assert chain(forward, token)[3:] == ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]


def test_a_history_can_leave_the_data_out(scene: Scene) -> None:
    """§2: includeExecutionData."""
    arn, token = scene.order()
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    events = scene.events(arn, includeExecutionData=False)
    assert OUTPUT not in json.dumps(events, default=str)


def test_new_events_may_lag(scene: Scene) -> None:
    """§2 and §10: GetExecutionHistory carries no consistency promise."""
    arn, token = scene.order()
    scene.aws.lag_history(reads=2, execution=arn)
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    ends = [scene.types(arn)[-1] for _ in range(3)]
    assert ends == ["TaskSubmitted", "TaskSubmitted", "ExecutionSucceeded"]
    scene.aws.lag_history(seconds=30)
    other, _ = scene.order("o-2")
    assert scene.types(other) == []
    scene.aws.advance(31)
    assert scene.types(other)[-1] == "TaskSubmitted"


def test_a_history_may_be_hidden_or_gone(scene: Scene) -> None:
    """§10: AccessDenied; ExecutionDoesNotExist; the tokens of what is gone are closed."""
    arn, token = scene.order()
    scene.aws.hide_history(arn)
    assert refusal(scene.sfn.get_execution_history, executionArn=arn) == "AccessDeniedException"
    scene.aws.hide_history(arn, False)
    assert scene.types(arn)
    scene.aws.forget(arn)
    assert refusal(scene.sfn.get_execution_history, executionArn=arn) == "ExecutionDoesNotExist"
    assert refusal(scene.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"


def test_another_party_may_win(scene: Scene) -> None:
    """§10: TaskSucceeded or TaskFailed without our decision_id is a conflict."""
    arn, token = scene.order()
    scene.aws.answer(token, output='{"by": "hand"}')
    assert refusal(scene.sfn.send_task_success, taskToken=token, output=OUTPUT) == "TaskTimedOut"
    effect = scene.aws.log.effect_of(token)
    assert (effect["by"], effect.get("decision_id")) == ("other_party", None)
    assert DECISION not in json.dumps(scene.events(arn), default=str)


def test_an_execution_that_timed_out_tells_no_error(scene: Scene) -> None:
    """§2: on TIMED_OUT error and cause are absent; tokens are aborted."""
    arn, token = scene.order()
    scene.aws.end(arn, "TIMED_OUT")
    described = scene.sfn.describe_execution(executionArn=arn)
    assert described["status"] == "TIMED_OUT"
    assert {"error", "cause", "output"}.isdisjoint(described)
    assert refusal(scene.sfn.send_task_heartbeat, taskToken=token) == "TaskTimedOut"


def test_executions_are_listed_newest_first_by_status_and_page(scene: Scene) -> None:
    """§2: ListExecutions."""
    arns = [scene.order(f"o-{number}")[0] for number in range(5)]
    scene.aws.abort(arns[0])
    listed = scene.sfn.get_paginator("list_executions")
    asked = {"stateMachineArn": scene.machine, "PaginationConfig": {"PageSize": 2}}
    running = listed.paginate(statusFilter="RUNNING", **asked).search("executions[].name")
    assert list(running) == ["o-4", "o-3", "o-2", "o-1"]
    assert len(list(listed.paginate(**asked))) == 3


def test_status_events_are_those_of_eventbridge(scene: Scene) -> None:
    """§2: epoch milliseconds, duplicated and out of order where the rule says so."""
    rule = scene.aws.create_queue("status")
    scene.aws.machine(
        review_queue_url=scene.queue, status_queue_url=rule, status_copies=3, status_reorder=True
    )
    arn, token = scene.order()
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    got = scene.sqs.receive_message(QueueUrl=rule, MaxNumberOfMessages=10)["Messages"]
    events = [json.loads(message["Body"]) for message in got]
    statuses = [event["detail"]["status"] for event in events]
    assert sorted(statuses) == ["RUNNING"] * 3 + ["SUCCEEDED"] * 3
    assert statuses != sorted(statuses)
    assert len({event["id"] for event in events}) == 2
    last = next(event for event in events if event["detail"]["status"] == "SUCCEEDED")
    assert (last["source"], last["detail"]["executionArn"]) == ("aws.states", arn)
    assert last["detail"]["output"] == OUTPUT
    assert abs(last["detail"]["stopDate"] / 1000 - time.time()) < 60


def test_system_attributes_come_only_when_asked_for(scene: Scene) -> None:
    """§5: MessageSystemAttributeNames; SentTimestamp stays, the receive count grows."""
    scene.order()
    assert "Attributes" not in scene.receive(VisibilityTimeout=0)[0]
    message = scene.receive(
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"]
    )[0]
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60


def test_an_empty_answer_has_no_messages_and_a_long_poll_wakes(scene: Scene) -> None:
    """§5: the key is absent; WaitTimeSeconds ends with the first message."""
    assert "Messages" not in scene.sqs.receive_message(QueueUrl=scene.queue)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(scene.receive, WaitTimeSeconds=4)
        time.sleep(0.2)
        scene.order()
        assert len(waiting.result()) == 1
    assert 0.2 <= time.monotonic() - began < 3.5


def test_an_old_handle_succeeds_without_deleting(scene: Scene) -> None:
    """§5: delete needs the most recent ReceiptHandle."""
    scene.order()
    old = scene.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    new = scene.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    assert old != new
    scene.sqs.delete_message(QueueUrl=scene.queue, ReceiptHandle=old)
    assert scene.aws.queue_state(scene.queue)["messages"] == 1
    scene.sqs.delete_message(QueueUrl=scene.queue, ReceiptHandle=new)
    assert scene.receive() == []
    assert len(scene.aws.log.deletes()) == 1


def test_a_message_is_hidden_for_its_visibility(scene: Scene) -> None:
    """§5: visibility, ChangeMessageVisibility, MessageNotInflight."""
    scene.order()
    message = scene.receive(VisibilityTimeout=30)[0]
    assert scene.receive() == []
    scene.aws.advance(31)
    handle = {"QueueUrl": scene.queue, "ReceiptHandle": message["ReceiptHandle"]}
    change = scene.sqs.change_message_visibility
    assert refusal(change, **handle, VisibilityTimeout=9).endswith("MessageNotInflight")
    again = scene.receive()[0]["ReceiptHandle"]
    scene.sqs.change_message_visibility(
        QueueUrl=scene.queue, ReceiptHandle=again, VisibilityTimeout=0
    )
    assert len(scene.receive()) == 1


def test_what_is_received_too_often_goes_to_the_dead_letters(scene: Scene) -> None:
    """§5: RedrivePolicy; the original time of sending stays."""
    dead = scene.aws.create_queue("dead")
    scene.aws.dead_letters(scene.queue, dead, max_receive_count=2)
    scene.order()
    sent = scene.receive(VisibilityTimeout=0, MessageSystemAttributeNames=["All"])[0]
    assert scene.receive(VisibilityTimeout=0)
    assert scene.receive() == []
    buried = scene.sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])[
        "Messages"
    ][0]
    assert buried["MessageId"] == sent["MessageId"]
    assert buried["Attributes"]["SentTimestamp"] == sent["Attributes"]["SentTimestamp"]
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:manual-review"
    assert buried["Attributes"]["DeadLetterQueueSourceArn"] == arn


def test_a_message_is_gone_after_its_retention(scene: Scene) -> None:
    """§5: four days by default."""
    scene.order()
    scene.aws.advance(4 * 86_400 + 1)
    assert scene.receive() == []


def test_duplicates_arrive_as_often_as_planned(scene: Scene) -> None:
    """§5: at least once; copies have one MessageId and each a handle of its own."""
    scene.aws.queue_faults(scene.queue, copies=20, reorder=True)
    for number in range(3):
        scene.order(f"o-{number}")
    seen: list[str] = []
    while got := scene.receive():
        seen += [message["MessageId"] for message in got]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(got)]
        scene.sqs.delete_message_batch(QueueUrl=scene.queue, Entries=entries)
    assert len(seen) == 60
    assert len(set(seen)) == 3
    assert seen != sorted(seen, key=seen.index)
    assert scene.aws.unfired() == []


def test_a_message_may_return_after_it_was_deleted(scene: Scene) -> None:
    """§5: a deleted message may come back, here twice."""
    scene.aws.queue_faults(scene.queue, returns=2)
    _, token = scene.order()
    rounds = 0
    while got := scene.receive():
        rounds += 1
        scene.sqs.delete_message(QueueUrl=scene.queue, ReceiptHandle=got[0]["ReceiptHandle"])
    assert rounds == 3
    assert len(scene.aws.log.deletes(token)) == 3


def test_deletes_may_do_nothing_or_fail_in_part(scene: Scene) -> None:
    """§5: HTTP 200 with Failed; a delete that "succeeds" without deleting."""
    scene.order()
    scene.aws.queue_faults(scene.queue, failed_deletes=1.0)
    handle = scene.receive(VisibilityTimeout=0)[0]["ReceiptHandle"]
    entries = [{"Id": "0", "ReceiptHandle": handle}]
    answer = scene.sqs.delete_message_batch(QueueUrl=scene.queue, Entries=entries)
    assert [failed["Id"] for failed in answer["Failed"]] == ["0"]
    scene.aws.queue_faults(scene.queue, stale_deletes=1.0, visibility=0.0)
    handle = scene.receive()[0]["ReceiptHandle"]
    scene.sqs.delete_message(QueueUrl=scene.queue, ReceiptHandle=handle)
    assert len(scene.receive()) == 1
    assert scene.aws.log.deletes() == []


# --- 3. Faults look to a client as they should, and are written down -----------------------------

# fault, what the client sees, whether the token was closed by this very call
SEEN = [
    (Fault.LOSE_REPLY_BEFORE_APPLY, ConnectionClosedError, False),
    (Fault.LOSE_REPLY_AFTER_APPLY, ConnectionClosedError, True),
    (Fault.CONNECTION_RESET, ConnectionClosedError, False),
    (Fault.CONNECTION_RESET_AFTER_APPLY, ConnectionClosedError, True),
    (Fault.STALLED, ReadTimeoutError, False),
    (Fault.STALLED_AFTER_APPLY, ReadTimeoutError, True),
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
    scene: Scene, fault: Any, seen: Any, applied: Any
) -> None:
    _, token = scene.order()
    stalls = fault in {Fault.STALLED, Fault.STALLED_AFTER_APPLY}
    sfn = client("stepfunctions", scene.aws.endpoint, timeout=0.4 if stalls else 5.0)
    if not stalls:
        sfn.send_task_heartbeat(taskToken=token)  # the connection is a kept one, as in a worker
    scene.aws.plan("SendTaskSuccess", [fault], stall_seconds=0.8)
    with pytest.raises(ClientError if isinstance(seen, str) else seen) as caught:
        sfn.send_task_success(taskToken=token, output=OUTPUT)
    sfn.close()
    if isinstance(seen, str):
        assert caught.value.response["Error"]["Code"] == seen
    effect = scene.aws.log.effect_of(token)
    assert (effect is not None and effect["by"] == "call") is bool(applied)
    assert (effect is None) is (applied is False)
    assert [line["fault"] for line in scene.aws.log.faults(token=token)] == [str(fault)]
    assert scene.aws.unfired() == []
    assert scene.aws.fired() == {"SendTaskSuccess": {str(fault): 1}}
    if fault == Fault.STALLED:  # a slow server acts all the same, when nobody listens any more
        deadline = time.monotonic() + 3
        while scene.aws.log.effect_of(token) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert scene.aws.log.winner(token) == DECISION


def test_sqs_meets_faults_too(scene: Scene) -> None:
    scene.order()
    scene.aws.plan("ReceiveMessage", ["throttled", "server_error", "lost_after", "none"])
    assert refusal(scene.sqs.receive_message, QueueUrl=scene.queue) == "RequestThrottled"
    assert refusal(scene.sqs.receive_message, QueueUrl=scene.queue) == "InternalServerError"
    with pytest.raises(ConnectionClosedError):
        scene.sqs.receive_message(QueueUrl=scene.queue)
    assert scene.receive() == []  # the lost answer took the message along
    assert scene.aws.queue_state(scene.queue)["in_flight"] == 1


def test_a_token_has_a_plan_of_its_own(scene: Scene) -> None:
    _, one = scene.order("o-1")
    _, two = scene.order("o-2")
    scene.aws.plan("SendTask*", ["token_expires"], token=two)
    scene.aws.plan("SendTask*", ["lost_before", "none"], token=fingerprint(one))
    assert refusal(scene.sfn.send_task_success, taskToken=two, output="{}") == "TaskTimedOut"
    with pytest.raises(ConnectionClosedError):
        scene.sfn.send_task_success(taskToken=one, output="{}")
    scene.sfn.send_task_success(taskToken=one, output="{}")
    assert scene.aws.log.tokens_sent_with_other_bytes() == []


def test_a_fault_of_a_task_that_has_ended_did_not_fire(scene: Scene) -> None:
    _, token = scene.order()
    scene.aws.plan("SendTask*", ["none", "token_expires"], token=token)
    scene.sfn.send_task_success(taskToken=token, output="{}")
    assert refusal(scene.sfn.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"
    assert [row["kind"] for row in scene.aws.unfired()] == ["in vain"]
    assert scene.aws.log.faults() == []


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


def test_a_switch_holds_until_it_is_turned_off(scene: Scene) -> None:
    _, token = scene.order()
    scene.aws.switch("SendTask*", "expired_credentials")
    codes = {refusal(scene.sfn.send_task_heartbeat, taskToken=token) for _ in range(3)}
    assert codes == {"ExpiredTokenException"}
    scene.aws.switch("SendTask*", None)
    scene.sfn.send_task_heartbeat(taskToken=token)


def test_a_token_bucket_throttles(scene: Scene) -> None:
    """§4: bucket and refill."""
    _, token = scene.order()
    scene.aws.bucket("SendTaskHeartbeat", capacity=5, per_second=0.01)
    codes = [refusal(scene.sfn.send_task_heartbeat, taskToken=token) for _ in range(8)]
    assert codes == [""] * 5 + ["ThrottlingException"] * 3


# --- 4. What was planned and never happened is told ----------------------------------------------


def test_unfired_faults_are_listed(scene: Scene) -> None:
    _, token = scene.order()
    scene.aws.plan("SendTaskSuccess", ["throttled", "none", "lost_after"])
    scene.aws.plan("SendTask*", ["token_expires"], token="f" * 64)
    scene.aws.rates("StartExecution", lost_before=0.5)
    scene.aws.switch("StopExecution", "access_denied")
    scene.aws.bucket("ListExecutions", capacity=3)
    scene.aws.queue_faults(scene.queue, returns=1)
    assert (
        refusal(scene.sfn.send_task_success, taskToken=token, output="{}") == "ThrottlingException"
    )
    unfired = {(row["kind"], row["operation"], row["fault"]) for row in scene.aws.unfired()}
    assert unfired == {
        ("plan", "SendTaskSuccess", "lost_after"),
        ("plan", "SendTask*", "token_expires"),
        ("rate", "StartExecution", "lost_before"),
        ("switch", "StopExecution", "access_denied"),
        ("bucket", "ListExecutions", "throttled"),
        ("queue", "manual-review", "returns"),
    }


def test_a_plan_that_can_never_fire_is_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match="only SendTask"):
        scene.aws.plan("ReceiveMessage", ["token_expires"])
    with pytest.raises(ValueError, match="lost_sometimes"):
        scene.aws.plan("SendTaskSuccess", ["lost_sometimes"])
    with pytest.raises(ValueError, match="at most 1"):
        scene.aws.rates("SendTask*", throttled=0.7, server_error=0.7)


def test_the_log_holds_no_token_and_tells_when_a_call_came(scene: Scene) -> None:
    _, token = scene.order()
    before = time.time()
    message = scene.receive()[0]
    scene.sqs.delete_message(QueueUrl=scene.queue, ReceiptHandle=message["ReceiptHandle"])
    scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
    text = scene.aws.log.path.read_text()
    assert token not in text
    assert token[20:60] not in text
    gone = scene.aws.log.deletes(token)[0]
    assert before <= gone["received"] <= gone["at"] <= time.time()
    assert scene.aws.log.sends(token)[0]["message_id"] == message["MessageId"]
    numbers = [line["n"] for line in scene.aws.log.lines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_answer_leaves_after_its_lines_are_on_the_disk(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = scene.order()
    durable: list[int] = []
    fsync = os.fsync

    def noted(file: int) -> None:
        size = os.fstat(file).st_size
        fsync(file)
        durable.append(size)

    monkeypatch.setattr(os, "fsync", noted)
    scene.aws.plan("SendTaskSuccess", ["none", "throttled", "lost_after"])
    for _ in range(3):
        with contextlib.suppress(ClientError, ConnectionClosedError):
            scene.sfn.send_task_success(taskToken=token, output=OUTPUT)
        assert durable[-1] == scene.aws.log.path.stat().st_size
    assert len(scene.aws.log.calls("SendTaskSuccess")) == 3


def test_sixty_four_long_polls_hold_nobody_up(scene: Scene) -> None:
    with ThreadPoolExecutor(64) as pool:
        waiting = [pool.submit(scene.receive, WaitTimeSeconds=8) for _ in range(64)]
        began = time.monotonic()
        arn, token = scene.order()
        scene.sfn.send_task_success(taskToken=token, output="{}")
        assert time.monotonic() - began < 4
        scene.aws.send(scene.queue, ["{}"] * 640)
        got = [message["MessageId"] for poll in waiting for message in poll.result()]
    assert len(got) == len(set(got)) >= 64
    assert scene.status(arn) == "SUCCEEDED"


# --- 5. A process of its own ----------------------------------------------------------------------


def test_the_process_is_controlled_over_http_and_its_log_survives_it(tmp_path: Path) -> None:
    log = tmp_path / "aws.jsonl"
    with spawned(log, "--seed", "3") as (aws, process):
        queue = aws.create_queue("manual-review")
        machine = aws.machine(review_queue_url=queue)
        named = [{"machine": machine, "name": f"o-{number}"} for number in range(40)]
        aws.many("start", named)
        tokens = [task["token"] for task in aws.tasks()]
        aws.plan("SendTaskSuccess", ["lost_after"])
        with pytest.raises(ControlError, match="none of"):
            aws.nonsense()
        sfn = client("stepfunctions", aws.endpoint)
        answered: list[str] = []

        def answer(token: str) -> None:
            for _ in range(2):  # the second attempt follows a lost reply
                try:
                    sfn.send_task_success(taskToken=token, output=OUTPUT)
                    answered.append(token)
                except (BotoCoreError, ClientError):
                    continue
                if len(answered) == 20:
                    process.send_signal(signal.SIGKILL)
                return

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(answer, tokens))
        sfn.close()
        assert process.wait(5) == -signal.SIGKILL
        effects = {line["token"] for line in Log(log).effects("SendTaskSuccess")}
        assert {fingerprint(token) for token in answered} <= effects
        assert [line["fault"] for line in aws.log.faults()] == ["lost_after"]
        lines = log.read_bytes().split(b"\n")
        assert lines.pop() == b""
        assert [json.loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))


def test_two_runs_with_one_seed_have_the_same_tokens() -> None:
    def run(seed: int) -> tuple[list[str], list[str]]:
        with FakeAws(seed=seed, fsync=False) as aws:
            queue = aws.create_queue("manual-review")
            arn = aws.start(aws.machine(review_queue_url=queue), "o-1")
            aws.retry(aws.tasks(arn)[0]["token"])
            tasks = aws.tasks(arn)
            return [task["token"] for task in tasks], [task["message_id"] for task in tasks]

    assert run(5) == run(5)
    assert run(5) != run(6)
