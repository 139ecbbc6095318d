"""The local account as a process, what a template deploys into it, and its Lambda functions."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local import aws as local_aws
from local.processes import LocalError
from tests.local.conftest import Clients

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def stack(aws: local_aws.Account):
    template = HERE / "template.yaml"
    return local_aws.deploy(aws.endpoint, aws.region, template, {"Greeting": "hi"}, stack="tests")


def invoke(clients, name, event=None):
    answer = clients("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_for_death(pid: int, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def test_a_queue_of_the_template_is_addressed_at_this_account(
    stack: Any, aws: local_aws.Account, clients: Clients
) -> None:
    assert stack["QueueUrl"].startswith(f"{aws.endpoint}/")
    clients("sqs").send_message(QueueUrl=stack["QueueUrl"], MessageBody="hello")
    (got,) = clients("sqs").receive_message(QueueUrl=stack["QueueUrl"])["Messages"]
    assert got["Body"] == "hello"


def test_a_state_machine_of_the_template_runs_with_its_substitutions(
    stack: Any, clients: Clients
) -> None:
    assert stack["MachineArn"] == stack["SameMachineArn"]
    sfn = clients("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=stack["MachineArn"])["executionArn"]
    for _ in range(100):
        end = sfn.describe_execution(executionArn=arn)
        if end["status"] != "RUNNING":
            break
        time.sleep(0.02)

    assert json.loads(end["output"]) == f"hi via {stack['QueueUrl']}"


def test_an_updated_stack_has_its_machine_run_the_new_definition(
    aws: local_aws.Account, clients: Clients
) -> None:
    template = HERE / "machine.yaml"
    made = local_aws.deploy(aws.endpoint, aws.region, template, {}, stack="growing")
    changed = template.read_text().replace("Type: Pass,", "Type: Pass, Result: new,")
    clients("cloudformation").update_stack(StackName="growing", TemplateBody=changed)

    machine = clients("stepfunctions").describe_state_machine(stateMachineArn=made["MachineArn"])
    assert json.loads(machine["definition"])["States"]["Pass"]["Result"] == "new"


def test_a_machine_without_a_definition_is_one_clear_line(
    aws: local_aws.Account, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.yaml"
    machine = "{Type: AWS::StepFunctions::StateMachine, Properties: {RoleArn: r}}"
    empty.write_text("Resources: {Machine: " + machine + "}")

    with pytest.raises(LocalError, match=r"empty\.yaml .*needs a Definition") as refused:
        local_aws.deploy(aws.endpoint, aws.region, empty, {}, stack="empty")

    assert "\n" not in str(refused.value)


def test_deleting_a_stack_deletes_what_it_made(aws: local_aws.Account, clients: Clients) -> None:
    template = HERE / "machine.yaml"
    made = local_aws.deploy(aws.endpoint, aws.region, template, {}, stack="short-lived")
    clients("cloudformation").delete_stack(StackName="short-lived")

    machines = clients("stepfunctions").list_state_machines()["stateMachines"]
    assert made["MachineArn"] not in {machine["stateMachineArn"] for machine in machines}


def test_a_template_that_is_refused_is_one_clear_line(
    aws: local_aws.Account, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("Resources: {Thing: {Type: AWS::SQS::Queue, Properties: {QueueName: 'a b'}}}")

    with pytest.raises(LocalError, match=r"broken\.yaml") as refused:
        local_aws.deploy(aws.endpoint, aws.region, broken, {}, stack="broken")

    assert "\n" not in str(refused.value)


def test_a_handler_gets_the_event_and_a_context(stack: Any, clients: Clients) -> None:
    error, answer = invoke(clients, "echo", {"order_id": 7})

    assert error is None
    assert answer["event"] == {"order_id": 7}
    assert (answer["function"], answer["request"]) == ("echo", True)
    assert 0 < answer["left"] <= 20_000


def test_an_exception_is_an_unhandled_error_named_after_its_class(
    stack: Any, clients: Clients
) -> None:
    error, answer = invoke(clients, "fail")

    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ReviewError", "no such order")
    assert str(ROOT) not in json.dumps(answer)


def test_a_workflow_catches_the_name_of_an_exception(stack: Any, workflow: Any) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:fail"
    catch = [{"ErrorEquals": ["ReviewError"], "Next": "Caught"}]
    flow = workflow(
        {
            "Call": {"Type": "Task", "Resource": function, "Catch": catch, "Next": "Fine"},
            "Fine": {"Type": "Succeed"},
            "Caught": {"Type": "Pass", "Result": "caught", "End": True},
        }
    )

    assert flow.end(flow.start())["output"] == '"caught"'


def test_each_function_sees_its_own_variables_even_at_the_same_time(
    stack: Any, clients: Clients
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: invoke(clients, name)[1], ["red", "blue"] * 4))

    assert answers == [["red", "red", "us-east-1"], ["blue", "blue", "us-east-1"]] * 4


def test_a_handler_writes_to_dynamodb_of_the_same_account(stack: Any, clients: Clients) -> None:
    invoke(clients, "remember", {"id": "order-7"})

    row = clients("dynamodb").get_item(TableName=stack["Table"], Key={"id": {"S": "order-7"}})
    assert row["Item"] == {"id": {"S": "order-7"}}


def test_a_function_without_a_handler_here_says_so(stack: Any, clients: Clients) -> None:
    error, answer = invoke(clients, "lost")

    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("absent", "Runtime.HandlerNotFound"), ("mumble", "Runtime.MarshalError")],
)
def test_a_handler_that_lambda_could_not_use_says_why(
    stack: Any, clients: Clients, name: Any, kind: Any
) -> None:
    error, answer = invoke(clients, name)

    assert (error, answer["errorType"]) == ("Unhandled", kind)


def test_a_function_may_use_the_environment_as_python_does(stack: Any, clients: Clients) -> None:
    assert invoke(clients, "borrow") == (None, ["1", True, False])


def test_simultaneous_consumers_of_a_queue_get_each_message_once(clients: Clients) -> None:
    sqs = clients("sqs")
    queue_url = sqs.create_queue(QueueName="busy")["QueueUrl"]

    def send_and_consume(number: int) -> list[str]:
        sqs.send_message(QueueUrl=queue_url, MessageBody=str(number))
        got = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=2, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in got.get("Messages", [])]

    with ThreadPoolExecutor(8) as pool:
        seen = [body for bodies in pool.map(send_and_consume, range(80)) for body in bodies]

    assert sorted(seen, key=int) == [str(number) for number in range(80)]


def test_the_account_answers_at_once_and_stops_at_once() -> None:
    account = local_aws.start()
    with socket.create_connection(("127.0.0.1", int(account.endpoint.rpartition(":")[2]))):
        pass
    started = time.monotonic()

    account.stop()

    assert time.monotonic() - started < 1
    assert account.process.returncode == 0


def test_the_configuration_of_the_shell_does_not_reach_the_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "config"
    broken.write_text("no section")
    monkeypatch.setenv("AWS_PROFILE", "company")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))

    account = local_aws.start()

    account.stop()
    assert account.process.returncode == 0


def test_the_account_dies_with_a_parent_that_is_killed() -> None:
    script = (
        "import os, sys, time; from local import aws; "
        "print(aws.start().process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(signal.SIGKILL)

    wait_for_death(pid)


def test_a_port_in_use_is_one_clear_line(aws: local_aws.Account) -> None:
    port = int(aws.endpoint.rpartition(":")[2])

    with pytest.raises(LocalError, match=f"port {port} .* is in use") as refused:
        local_aws.start(port)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("found", "named"),
    [("lambda _: '5.2.4'", "5.2.4"), ("lambda name: metadata.distribution('no-moto')", "none")],
)
def test_another_moto_is_refused_with_one_clear_line(found: Any, named: Any) -> None:
    script = (
        "import runpy; from importlib import metadata; "
        f"metadata.version = {found}; runpy.run_module('local.aws', run_name='__main__')"
    )

    refused = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    line = f"the local AWS needs moto 5.2.5 and found {named}: run `make setup`\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", line)


def test_the_environment_of_an_account_is_all_boto3_needs(aws: local_aws.Account) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    environment = {"PATH": os.environ["PATH"], **aws.environment()}

    output = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert output.stdout.strip() == "123456789012"
