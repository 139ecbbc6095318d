"""What docs/your-own-workflow.md tells an engineer to copy: it runs, it is checked, and it does not drift."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from cfnlint.rules.resources.stepfunctions.StateMachineDefinition import (  # type: ignore[import-untyped]
    StateMachineDefinition,
)
from django.core.management import call_command
from jsonschema import Draft7Validator
from rest_framework.test import APIClient

from approvals.gateways import aws
from approvals.models import ReviewQueue, ReviewTask
from local import aws as local_aws
from tests import factories
from tests.conditions import wait_until
from tests.paths import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "your-own-workflow.md").read_text()
JSONPATH, JSONATA = "review_jsonpath.asl.json", "review_jsonata.asl.json"
ORDER = {"order_id": "R-1", "amount": 40}
_flows = iter(range(1000))


def example(name: str) -> str:
    """The text of an example file."""
    return (DOCS / "examples" / name).read_text()


# --- the page


@pytest.mark.parametrize("name", [JSONPATH, JSONATA])
def test_the_page_embeds_the_example_files_to_the_letter(name: str) -> None:
    embedded = re.search(
        rf"<!-- examples/{re.escape(name)} -->\n```json\n(.*?)```\n", PAGE, re.DOTALL
    )

    assert embedded, f"the page does not show {name}"
    assert embedded[1] == example(name)


def test_every_piece_of_json_on_the_page_is_json() -> None:
    pieces = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

    assert len(pieces) >= 8
    assert all(isinstance(json.loads(piece), dict | list) for piece in pieces)


@pytest.mark.django_db(transaction=True)
def test_the_commands_of_the_page_are_taken_as_they_stand() -> None:
    (block,) = re.findall(r"(    python manage\.py register_queue.*?)\n\n", PAGE, re.DOTALL)
    lines = block.replace("\\\n", " ").strip().splitlines()
    register, grant, check = (shlex.split(line)[2:] for line in lines)

    call_command(*register, stdout=io.StringIO())
    call_command(*grant, stdout=io.StringIO())

    queue = ReviewQueue.objects.get(slug="refunds")
    assert (queue.region, queue.heartbeat_seconds) == ("eu-west-1", 600)
    assert queue.role_arn.endswith(":role/countersign-refunds")
    assert queue.admits("arn:aws:states:eu-west-1:222222222222:stateMachine:refunds")
    assert not queue.admits("arn:aws:states:eu-west-1:222222222222:stateMachine:others")
    assert check == ["check_queue", "refunds"]


# --- the definitions


def test_both_examples_say_the_same_in_two_languages() -> None:
    one, other = json.loads(example(JSONPATH)), json.loads(example(JSONATA))

    assert list(one["States"]) == list(other["States"])
    waiting, waiting_too = one["States"]["ManualReview"], other["States"]["ManualReview"]
    for same in ("Resource", "TimeoutSeconds", "HeartbeatSeconds", "Retry", "Next"):
        assert waiting[same] == waiting_too[same]
    body = waiting["Parameters"]["MessageBody"]
    jsonata = waiting_too["Arguments"]["MessageBody"]
    assert [key.removesuffix(".$") for key in body] == list(jsonata)
    assert body["timeoutSeconds"] == waiting["TimeoutSeconds"] == jsonata["timeoutSeconds"]
    for catch, catch_too in zip(waiting["Catch"], waiting_too["Catch"], strict=True):
        assert (catch["ErrorEquals"], catch["Next"]) == (
            catch_too["ErrorEquals"],
            catch_too["Next"],
        )


@pytest.mark.parametrize("name", [JSONPATH, JSONATA])
def test_an_example_keeps_to_cfn_lints_schema_of_the_states_language(name: str) -> None:
    rule = StateMachineDefinition()
    schema = rule.schema if name == JSONPATH else rule._convert_schema_to_jsonata()

    assert list(Draft7Validator(schema).iter_errors(json.loads(example(name)))) == []


def test_the_schema_would_find_a_field_of_the_other_language() -> None:
    definition = json.loads(example(JSONATA))
    definition["States"]["ManualReview"]["ResultPath"] = "$.review"
    schema = StateMachineDefinition()._convert_schema_to_jsonata()

    assert list(Draft7Validator(schema).iter_errors(definition)) != []


def test_expressions_stand_wholly_in_their_delimiters() -> None:
    found = re.findall(r'"([^"]*\{%[^"]*)"', example(JSONATA))

    assert len(found) >= 14
    assert all(re.fullmatch(r"\{% .+ %\}", text) for text in found)


# --- the paths


@dataclass
class Flow:
    """The example in the local account, with a queue of its own that is registered with Countersign."""

    stepfunctions: Any
    machine: str
    api: APIClient

    def held(self) -> tuple[str, ReviewTask]:
        """An execution that waits, and its review."""
        given = json.dumps(ORDER)
        started = self.stepfunctions.start_execution(stateMachineArn=self.machine, input=given)
        wait_until(self._taken, seconds=60, what="the review")
        return str(started["executionArn"]), ReviewTask.objects.get()

    def _taken(self) -> bool:
        call_command("poll_queue", "--queue", "refunds", "--once", stdout=io.StringIO())
        return ReviewTask.objects.exists()

    def decide(self, review: ReviewTask, outcome: str, **more: Any) -> None:
        """Decide over REST, and let one sweep deliver it."""
        answer = self.api.post(
            f"/api/v1/reviews/{review.pk}/decisions/", {"outcome": outcome, **more}, format="json"
        )
        assert answer.status_code == 201, answer.content
        call_command("sweep", "--once", stdout=io.StringIO())

    def ended(self, execution: str) -> dict[str, Any]:
        """What DescribeExecution says once it has ended."""

        def look() -> Any:
            described = self.stepfunctions.describe_execution(executionArn=execution)
            return described["status"] != "RUNNING" and described

        return dict(wait_until(look, seconds=60, what="the end of the execution"))


@pytest.fixture
def flow(
    local_account: local_aws.Account, settings: Any, transactional_db: None, request: Any
) -> Iterator[Flow]:
    """The JSONPath example, deployed; a parameter replaces fields of its waiting state (None: without)."""
    settings.AWS_ENDPOINT_URL = local_account.endpoint
    aws.forget()
    options: dict[str, Any] = {
        "endpoint_url": local_account.endpoint,
        "region_name": local_account.region,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    sqs, states = boto3.client("sqs", **options), boto3.client("stepfunctions", **options)
    name = f"refunds-{next(_flows)}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    definition = json.loads(example(JSONPATH).replace("${ReviewQueueUrl}", url))
    review = definition["States"]["ManualReview"] | getattr(request, "param", {})
    definition["States"]["ManualReview"] = {k: v for k, v in review.items() if v is not None}
    machine = states.create_state_machine(
        name=name,
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/refunds",
    )["stateMachineArn"]
    call_command(
        *("register_queue", "refunds", "--sqs-url", url, "--state-machine", machine),
        stdout=io.StringIO(),
    )
    factories.user("ada@example.com", "reviewer", ReviewQueue.objects.get())
    said = io.StringIO()
    call_command("create_api_token", "ada@example.com", "--name", "example", stdout=said)
    api = APIClient(headers={"Authorization": f"Bearer {said.getvalue().strip()}"})
    yield Flow(states, machine, api)
    aws.forget()


def test_approved_the_input_is_kept_and_the_decision_stands_beside_it(flow: Flow) -> None:
    execution, review = flow.held()
    assert (review.reference, review.title) == ("R-1", "Refund for order R-1")
    assert (review.execution_arn, review.state_machine_arn) == (execution, flow.machine)
    assert (review.state_name, review.flags) == ("ManualReview", [])
    assert review.deadline_source == "message"

    flow.decide(review, "approved", reason="A loyal customer.")

    ended = flow.ended(execution)
    output = json.loads(ended["output"])
    assert ended["status"] == "SUCCEEDED"
    assert output | {"review": None} == ORDER | {"status": "approved", "review": None}
    assert output["review"]["reason"] == "A loyal customer."
    assert set(output["review"]) == set(answer_on_the_page())


def answer_on_the_page() -> dict[str, Any]:
    """The answer that the page says a workflow gets."""
    pieces = (json.loads(piece) for piece in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    return next(piece for piece in pieces if "decision_id" in piece)


def test_rejected_the_catch_takes_our_error_name(flow: Flow) -> None:
    execution, review = flow.held()

    flow.decide(review, "rejected", reason="Too late.")

    ended = flow.ended(execution)
    output = json.loads(ended["output"])
    assert (ended["status"], output["status"]) == ("SUCCEEDED", "rejected")
    assert output["order_id"] == "R-1"
    assert output["review_error"]["Error"] == "ReviewRejected"
    assert output["review_error"]["Cause"].startswith("Rejected by ada@example.com: Too late.")


def test_rejected_as_a_result_the_choice_takes_it(flow: Flow) -> None:
    url = ReviewQueue.objects.get().sqs_url
    call_command(
        *("register_queue", "refunds", "--sqs-url", url, "--reject-as", "result"),
        stdout=io.StringIO(),
    )
    execution, review = flow.held()

    flow.decide(review, "rejected", reason="Too late.")

    ended = flow.ended(execution)
    output = json.loads(ended["output"])
    assert (ended["status"], output["status"]) == ("SUCCEEDED", "rejected")
    assert (output["review"]["decision"], output["review"]["approved"]) == ("rejected", False)
    assert "review_error" not in output


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param({"TimeoutSeconds": 3, "HeartbeatSeconds": 2}, id="nobody beats"),
        pytest.param({"TimeoutSeconds": 3, "HeartbeatSeconds": None}, id="nobody decides"),
    ],
    indirect=True,
)
def test_in_nobodys_time_the_timeout_path_is_taken(flow: Flow) -> None:
    execution, _ = flow.held()

    ended = flow.ended(execution)

    assert (ended["status"], ended["error"]) == ("FAILED", "ReviewExpired")
