"""The role of a place: assumed once, renewed in time, and where it is refused nothing was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from approvals.arns import Place
from approvals.gateways import aws, sqs, stepfunctions
from approvals.gateways.errors import Proof
from tests.gateways import wire

ROLE = "arn:aws:iam::222222222222:role/reviews"
THERE = Place("eu-west-3", ROLE)
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/reviews/countersign</Arn>
<AssumedRoleId>AROA:countersign</AssumedRoleId></AssumedRoleUser><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
<SessionToken>role-session</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
REFUSED = """<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>no</Message></Error>
<RequestId>sts-1</RequestId></ErrorResponse>"""


class Sts:
    """Answers AssumeRole as it is set up, and every other call with 200, and keeps them apart."""

    def __init__(self, seconds: float = 3600) -> None:
        self.answer: Any = None
        self.seconds = seconds
        self.assumed: list[dict[str, list[str]]] = []
        self.others: list[bytes] = []

    def __call__(self, request: bytes) -> Any:
        if b"Action=AssumeRole" not in request:
            self.others.append(request)
            return 200, {}
        self.assumed.append(parse_qs(request.split(b"\n\n", 1)[1].decode()))
        until = datetime.now(UTC) + timedelta(seconds=self.seconds)
        return self.answer or (200, ASSUMED % until.strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.fixture
def sts(settings: Any) -> Iterator[Sts]:
    """STS and all the rest of AWS, on this machine."""
    answers = Sts()
    aws.forget()
    with wire.answering(answers) as server:
        settings.AWS_ENDPOINT_URL = server.url
        yield answers
    aws.forget()


def beat(place: Place = THERE) -> Any:
    return stepfunctions.send_task_heartbeat(place, "tok")


def test_a_place_with_a_role_is_spoken_to_with_the_roles_credentials(sts: Sts) -> None:
    assert beat().proof == Proof.ACCEPTED
    sqs.receive(THERE, "http://queue/222222222222/q", wait_seconds=0)

    (asked,) = sts.assumed
    assert asked["RoleArn"] == [ROLE]
    assert asked["RoleSessionName"] == ["countersign"]
    for request in sts.others:
        assert b"Credential=ASIAROLE/" in request
        assert b"role-session" in request
    assert len(sts.others) == 2


def test_a_place_without_a_role_keeps_our_own_credentials(sts: Sts) -> None:
    assert beat(Place("eu-west-3")).proof == Proof.ACCEPTED
    sqs.receive(Place("eu-west-3"), "http://queue/123456789012/q", wait_seconds=0)

    assert sts.assumed == []
    assert all(b"Credential=tests/" in request for request in sts.others)


def test_threads_that_all_need_the_role_at_once_assume_it_once(sts: Sts) -> None:
    with ThreadPoolExecutor(8) as pool:
        proofs = {answer.proof for answer in pool.map(lambda _: beat(), range(40))}

    assert proofs == {Proof.ACCEPTED}
    assert len(sts.assumed) == 1


def test_a_role_is_assumed_again_before_its_credentials_run_out(sts: Sts) -> None:
    sts.seconds = 60  # inside the ten minutes before which botocore insists on new ones
    beat()
    sts.seconds = 3600
    beat()
    beat()

    assert len(sts.assumed) == 2


@pytest.mark.parametrize(
    ("answer", "proof", "code"),
    [
        ((403, REFUSED % "AccessDenied"), "access_denied", "AssumeRole AccessDenied"),
        ((403, REFUSED % "InvalidClientTokenId"), "access_denied", "AssumeRole InvalidClientTokenId"),
        ((400, REFUSED % "ValidationError"), "access_denied", "AssumeRole ValidationError"),
        ((400, REFUSED % "Throttling"), "throttled", "AssumeRole Throttling"),
        ((500, REFUSED % "InternalFailure"), "not_sent", "AssumeRole InternalFailure"),
        ((503, REFUSED % "AccessDenied"), "not_sent", "AssumeRole AccessDenied"),
        (wire.SILENCE, "not_sent", "AssumeRole ReadTimeoutError"),
        (wire.HANG_UP, "not_sent", "AssumeRole ConnectionClosedError"),
        (wire.RESET, "not_sent", "AssumeRole ConnectionClosedError"),
    ],
)  # fmt: skip
def test_a_role_that_is_not_assumed_proves_that_nothing_was_sent(
    answer: Any, proof: str, code: str, sts: Sts, impatient: Callable[[float], None]
) -> None:
    sts.answer = answer
    if answer == wire.SILENCE:
        impatient(0.5)

    answers = {
        stepfunctions.send_task_success(THERE, "tok", "{}"),
        stepfunctions.send_task_failure(THERE, "tok", "E", "c"),
    }

    assert {(answer.proof, answer.code) for answer in answers} == {(proof, code)}
    assert sts.others == []


def test_a_role_that_is_no_arn_proves_that_nothing_was_sent(sts: Sts) -> None:
    assert beat(Place("eu-west-3", "reviews")).proof == Proof.NOT_SENT
    assert sts.others == []
    assert sts.assumed == []


def test_credentials_that_have_already_run_out_prove_that_nothing_was_sent(sts: Sts) -> None:
    sts.seconds = -60  # the clock of this machine is wrong, or STS's is

    answer = beat()

    assert (answer.proof, answer.code) == (Proof.NOT_SENT, "AssumeRole CredentialsExpiredError")
    assert sts.others == []


def test_without_credentials_of_our_own_no_role_is_assumed(
    sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    answer = beat()

    assert (answer.proof, answer.code) == (Proof.NOT_SENT, "NoCredentialsError")


def test_a_silent_sts_holds_threads_up_once_and_not_one_after_the_other(
    sts: Sts, impatient: Callable[[float], None]
) -> None:
    sts.answer = wire.SILENCE
    impatient(0.5)
    began = time.monotonic()

    with ThreadPoolExecutor(12) as pool:
        proofs = {answer.proof for answer in pool.map(lambda _: beat(), range(24))}

    assert proofs == {Proof.NOT_SENT}
    assert len(sts.assumed) == 1
    assert time.monotonic() - began < 6


def test_a_role_that_was_refused_is_asked_for_again_after_a_pause(
    sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "PAUSE_AFTER_REFUSAL", 0.0)
    sts.answer = (403, REFUSED % "AccessDenied")
    assert beat().proof == Proof.ACCESS_DENIED

    sts.answer = None

    assert beat().proof == Proof.ACCEPTED


def test_sts_that_cannot_be_reached_at_all_is_queue_unavailable_and_nothing_sent(
    sts: Sts, settings: Any
) -> None:
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:9"

    assert beat().code == "AssumeRole EndpointConnectionError"


def test_the_account_of_a_role_is_the_one_its_arn_names(sts: Sts) -> None:
    execution = "arn:aws:states:eu-west-3:%s:execution:orders:x"

    assert not stepfunctions.is_in_another_account(THERE, execution % "222222222222")
    assert stepfunctions.is_in_another_account(THERE, execution % "333333333333")
    assert not stepfunctions.is_in_another_account(THERE, "")


def test_an_account_that_sts_does_not_tell_is_no_reason_to_doubt(settings: Any) -> None:
    aws.forget()
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:9"

    execution = "arn:aws:states:eu-west-3:222222222222:execution:orders:x"

    assert not stepfunctions.is_in_another_account(Place("eu-west-3"), execution)
    aws.forget()
