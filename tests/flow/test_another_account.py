"""Away from the laptop: another AWS account, another region, production settings, without the package `local`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import requests

from local.processes import dying_with_me, free_port
from tests.conditions import wait_until
from tests.desk import Desk, Program
from tests.paths import ROOT

ACCOUNT, REGION = "210987654321", "eu-central-1"
DEFINITION = {
    "StartAt": "Review",
    "States": {
        "Review": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": "",
                "MessageBody": {
                    "taskToken.$": "$$.Task.Token",
                    "orderId.$": "$.order_id",
                    "error": None,
                    "executionArn.$": "$$.Execution.Id",
                },
            },
            "End": True,
        }
    },
}


class Elsewhere(Desk):
    """The service from a tree without `local`, on an account that is not ours."""

    def __init__(self, tree: Path, endpoint: str, database_url: str) -> None:
        self.tree, self.endpoint, self.database_url = tree, endpoint, database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        keys = {"aws_access_key_id": "other", "aws_secret_access_key": "other"}
        clients: dict[str, Any] = {"region_name": REGION, "endpoint_url": endpoint, **keys}
        self.sqs = boto3.client("sqs", **clients)
        self.stepfunctions = boto3.client("stepfunctions", **clients)


@pytest.fixture
def account() -> Iterator[str]:
    """A plain moto, as other people run it, with an account number and a region of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_PORT": str(port)},
        stderr=subprocess.DEVNULL,
        preexec_fn=dying_with_me(),  # noqa: PLW1509
    )
    endpoint = f"http://127.0.0.1:{port}"
    wait_until(lambda: _configured(endpoint), seconds=60, what="moto")
    yield endpoint
    process.terminate()
    process.wait(10)


def _configured(endpoint: str) -> bool:
    config = {"stepfunctions": {"execute_state_machine": True}}
    try:
        return requests.post(f"{endpoint}/moto-api/config", json=config, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The project as an image would hold it: without the package `local`."""
    for name in ("approvals", "config", "manage.py"):
        source, target = ROOT / name, tmp_path / "app" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path / "app"


@pytest.fixture
def elsewhere(tree: Path, account: str, tmp_path: Path) -> Iterator[Elsewhere]:
    """The service there, in production settings: https, real secrets in files, no DEBUG."""
    server, name = os.environ["DATABASE_URL"], f"elsewhere_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    there = Elsewhere(tree, account, f"{server.rsplit('/', 1)[0]}/{name}")
    (tmp_path / "secret").write_text(os.environ["SECRET_KEY"] + "\n")
    wake_ups = there.sqs.create_queue(QueueName="wake-ups")["QueueUrl"]
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TOKEN_KEYS"}}
    there.environment = {
        **kept,
        "SECRET_KEY_FILE": str(tmp_path / "secret"),
        "DATABASE_URL": there.database_url,
        "PUBLIC_URL": "https://reviews.example.com",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(there.port),
        "AWS_ENDPOINT_URL": account,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "CELERY_QUEUE_URL": wake_ups,
    }
    yield there
    there.stop(*list(there.processes))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.campaign
def test_the_whole_walk_works_in_production_settings_on_an_account_of_somebody_else(
    elsewhere: Elsewhere,
) -> None:
    queue_url = elsewhere.sqs.create_queue(QueueName="held")["QueueUrl"]
    definition = json.loads(json.dumps(DEFINITION))
    definition["States"]["Review"]["Parameters"]["QueueUrl"] = queue_url
    machine = elsewhere.stepfunctions.create_state_machine(
        name="orders",
        definition=json.dumps(definition),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/orders",
    )["stateMachineArn"]
    elsewhere.environment["ORDER_FULFILLMENT_STATE_MACHINE_ARN"] = machine

    elsewhere.manage("migrate", "--verbosity", "0")
    elsewhere.manage("register_queue", "held", "--sqs-url", queue_url)
    said = elsewhere.manage("grant", "ada@example.com", "held", "reviewer", "--create")
    assert "https://reviews.example.com/accounts/password/reset/key/" in said
    token = elsewhere.manage("create_api_token", "ada@example.com", "--name", "elsewhere").strip()
    first, second = (
        elsewhere.manage("start_order", "-", text=json.dumps({"order_id": name})).strip()
        for name in ("E-1", "E-2")
    )
    assert f":{REGION}:{ACCOUNT}:execution:orders:order-E-1" in first
    assert "held: 2 messages" in elsewhere.manage("poll_queue", "--once")

    elsewhere.start("web", "worker")
    program = Program(elsewhere.url, token)
    program.session.headers["X-Forwarded-Proto"] = "https"
    reviews = {r["reference"]: r for r in program.get("reviews/")["results"]}
    decision = {"outcome": "approved"}
    program.post(f"reviews/{reviews['E-1']['id']}/decisions/", decision, status=201)
    program.delivered(reviews["E-1"]["id"])
    elsewhere.stop("worker")
    decision = {"outcome": "rejected", "reason": "No."}
    program.post(f"reviews/{reviews['E-2']['id']}/decisions/", decision, status=201)
    elsewhere.manage("sweep", "--once")
    program.delivered(reviews["E-2"]["id"])

    assert elsewhere.ended(first)["status"] == "SUCCEEDED"
    assert elsewhere.ended(second)["error"] == "ReviewRejected"
