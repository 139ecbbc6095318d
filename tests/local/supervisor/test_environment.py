"""The environment variables of the demo's processes."""

from __future__ import annotations

import pytest

from local.aws import Account
from local.processes import LocalError
from local.supervisor.environment import process_environment, web_port

OUTPUTS = {
    "CeleryQueueUrl": "c",
    "ReviewQueueUrl": "r",
    "StateMachineArn": "arn",
    "StateMachineAliasArn": "arn:live",
}


def made_of(shell: dict[str, str], outputs: dict[str, str]) -> dict[str, str]:
    """The environment on port 8000 with an account that has no process."""
    secrets = {"secret_key": "s", "token_keys": "demo:k"}
    account = Account(process=None, endpoint="http://127.0.0.1:5")
    return process_environment(shell, secrets, 8000, "postgres://db", account, outputs)


def test_the_environment_is_the_contracts_and_nothing_of_another_installation() -> None:
    shell = {
        "HOME": "/home/ada",
        "AWS_ENDPOINT_URL_SQS": "https://sqs.example.com",
        "AWS_SESSION_TOKEN": "real",
        "CELERY_BROKER_URL": "redis://elsewhere",
        "DEBUG": "1",
        "SECRET_KEY_FILE": "/run/secrets/key",
    }

    made = made_of(shell, OUTPUTS)

    assert made["HOME"] == "/home/ada"
    assert (made["AWS_ENDPOINT_URL"], made["AWS_REGION"]) == ("http://127.0.0.1:5", "us-east-1")
    assert made["ORDER_FULFILLMENT_STATE_MACHINE_ARN"] == "arn:live"
    assert "STATUS_EVENTS_QUEUE_URL" not in made
    assert not (shell.keys() - {"HOME", "DEBUG"}) & made.keys()
    assert "DEBUG" not in made


def test_what_the_stack_has_beyond_the_least_is_set_too() -> None:
    made = made_of({}, OUTPUTS | {"StatusEventsQueueUrl": "e", "OrderStatusTable": "t"})

    assert (made["STATUS_EVENTS_QUEUE_URL"], made["ORDER_STATUS_TABLE"]) == ("e", "t")


@pytest.mark.parametrize(
    ("shell", "port"), [({}, 8000), ({"PORT": ""}, 8000), ({"PORT": "65535"}, 65_535)]
)
def test_the_port_is_that_of_the_shell_or_8000(shell: dict[str, str], port: int) -> None:
    assert web_port(shell) == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5"])
def test_what_is_no_port_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(LocalError, match=f"PORT={text} is not a port: use a number from 1"):
        web_port({"PORT": text})
