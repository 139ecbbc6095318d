"""ARNs are cut in one module, and what is not an ARN is refused or has no account."""

from __future__ import annotations

import pytest

from approvals import arns
from approvals.arns import Place, SqsQueue

MACHINE = "arn:aws:states:eu-west-3:123456789012:stateMachine:orders"


@pytest.mark.parametrize("arn", ["", "orders", "arn:aws:states:::x", "arn:aws:sqs:eu-west-3:1:x"])
def test_what_is_no_arn_of_a_state_machine_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="not the ARN"):
        arns.execution_arn(arn, "order-1")


def test_the_arn_of_a_version_leads_to_the_machines_executions() -> None:
    assert (
        arns.execution_arn(MACHINE + ":7", "o")
        == MACHINE.replace("stateMachine", "execution") + ":o"
    )


@pytest.mark.parametrize(
    "region", ["", "no region", "x.evil.example/#", "-", "12", "eu-west-3\n", "é-1"]
)
def test_a_region_that_cannot_be_one_is_no_region(region: str) -> None:
    with pytest.raises(ValueError, match="not an ARN with a region"):
        arns.region_of(f"arn:aws:states:{region}:123456789012:execution:orders:x")


def test_a_place_has_the_region_of_the_arn_and_the_role_that_is_named() -> None:
    role = "arn:aws:iam::210987654321:role/answers"

    assert arns.place_of(MACHINE) == Place("eu-west-3")
    assert arns.place_of(MACHINE, role) == Place("eu-west-3", role)
    with pytest.raises(ValueError, match="not an ARN with a region"):
        arns.place_of("")


@pytest.mark.parametrize(
    ("arn", "account"),
    [
        (MACHINE, "123456789012"),
        ("arn:aws:iam::210987654321:role/answers", "210987654321"),
        ("arn:aws-cn:sqs:cn-north-1:210987654321:reviews", "210987654321"),
        ("arn:aws:states:::sqs:sendMessage", ""),
        ("answers", None),
        ("", None),
    ],
)
def test_the_account_of_an_arn(arn: str, account: str | None) -> None:
    assert arns.account_of(arn) == account


@pytest.mark.parametrize(
    ("arn", "machine", "qualifier"),
    [
        (MACHINE, MACHINE, ""),
        (f"{MACHINE}:7", MACHINE, "7"),
        (f"{MACHINE}:live", MACHINE, "live"),
        ("", "", ""),
    ],
)
def test_a_version_or_an_alias_is_split_from_its_machine(
    arn: str, machine: str, qualifier: str
) -> None:
    assert arns.split_qualifier(arn) == (machine, qualifier)


@pytest.mark.parametrize("behind", ["", ":7", ":live", "/per-order", "/per-order:7"])
def test_versions_and_the_children_of_a_map_are_of_one_machine(behind: str) -> None:
    assert arns.machine_of(MACHINE + behind) == MACHINE


def test_an_sqs_arn_is_a_queue_and_nothing_else_is() -> None:
    queue = SqsQueue("eu-west-3", "123456789012", "reviews.fifo")

    assert arns.sqs_queue("arn:aws:sqs:eu-west-3:123456789012:reviews.fifo") == queue
    assert arns.sqs_queue(MACHINE) is None
    assert arns.sqs_queue("arn:aws:sqs:eu-west-3:123456789012:reviews/x") is None
    assert arns.sqs_queue("") is None


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://sqs.eu-west-3.amazonaws.com/123456789012/q", ("eu-west-3", "123456789012")),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", ("cn-north-1", "123456789012")),
        ("https://eu-west-3.queue.amazonaws.com/123456789012/q", ("eu-west-3", "123456789012")),
        ("http://127.0.0.1:4566/123456789012/q", ("", "123456789012")),
        ("http://localhost:4566/queue/q", ("", "")),
    ],
)
def test_the_url_of_an_sqs_queue_names_region_and_account(url: str, named: tuple[str, str]) -> None:
    assert arns.sqs_region_and_account(url) == named


@pytest.mark.parametrize("name", ["orders", "orders/label"])
def test_an_execution_leads_to_its_state_machine(name: str) -> None:
    arn = f"arn:aws:states:eu-west-3:123456789012:execution:{name}:order-1"

    assert arns.machine_of_execution(arn) == MACHINE


@pytest.mark.parametrize(
    "arn", ["", "order-1", MACHINE, f"{MACHINE}:x:y", "a:b:states:c:d:execution:e:f"]
)
def test_what_is_no_execution_leads_to_no_state_machine(arn: str) -> None:
    with pytest.raises(ValueError, match="not the ARN of an execution"):
        arns.machine_of_execution(arn)
