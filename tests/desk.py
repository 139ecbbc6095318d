"""The whole service as real processes: a database and an AWS account of its own, started for a test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import requests

from local import aws
from local.processes import dying_with_me, free_port
from tests import database
from tests.conditions import wait_until
from tests.paths import ROOT

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

QUEUE = "manual-review"
PASSWORD = "correct horse battery staple"
COMMANDS = {
    "web": ["-m", "config.web"],
    "worker": "-m celery -A config worker -P threads -c 2 -l WARNING".split(),  # noqa: SIM905
    "poller": ["manage.py", "poll_queue"],
    "sweeper": ["manage.py", "sweep"],
}
PEOPLE = """
from django.core.management import call_command
from approvals.models import User
for name, role in {roles!r}.items():
    email = name + "@example.com"
    call_command("grant", email, {queue!r}, role, create=True)
    call_command("grant", email, site="orders")
    user = User.objects.get(email=email)
    user.set_password({password!r})
    user.save()
"""


class Desk:
    """The service with its processes: starts, stops and kills them, and describes executions in AWS."""

    def __init__(self, account: aws.Account, outputs: dict[str, str], database_url: str) -> None:
        self.account, self.outputs = account, outputs
        self.tree = ROOT
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "CELERY"))}
        self.environment = {
            **inherited,
            **account.environment(),
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "CELERY_BROKER_URL": "sqs://",
            "CELERY_QUEUE_URL": outputs["CeleryQueueUrl"],
            "ORDER_FULFILLMENT_STATE_MACHINE_ARN": outputs["StateMachineArn"],
        }
        session = boto3.session.Session("local", "local", region_name=account.region)
        self.stepfunctions = session.client("stepfunctions", endpoint_url=account.endpoint)
        self.sqs = session.client("sqs", endpoint_url=account.endpoint)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs Python with these arguments in the environment of this service."""
        return [sys.executable, *arguments]

    def manage(self, *arguments: str, text: str = "", code: int = 0) -> str:
        """Run a management command as a process; returns its standard output."""
        done = subprocess.run(
            self.command("manage.py", *arguments),
            cwd=self.tree,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def start(self, *names: str, errors: Path | None = None) -> None:
        """Start processes of COMMANDS; their standard error goes to the file `errors`, if it is given."""
        with errors.open("ab") if errors else contextlib.nullcontext() as stderr:
            for name in names:
                self.processes[name] = subprocess.Popen(
                    self.command(*COMMANDS[name]),
                    cwd=self.tree,
                    env=self.environment,
                    stderr=stderr,
                    preexec_fn=dying_with_me(),  # noqa: PLW1509
                )
        for name in set(names) & {"poller", "sweeper"}:
            wait_until(partial(self.is_looping, name), seconds=60, what=f"the {name}")
        if "web" in names:
            wait_until(self.answers, seconds=60, what="the web process")

    def stop(self, *names: str, how: int = signal.SIGTERM) -> list[int]:
        """Stop processes and wait for them; returns their exit codes."""
        stopped = [self.processes.pop(name) for name in names if name in self.processes]
        for process in stopped:
            process.send_signal(how)
        return [process.wait(30) for process in stopped]

    def kill_worker(self) -> None:
        """Kill the Celery worker, and let its last long poll take a message that nobody needs.

        SQS gives the next message to a poll that is still open, and hides it for the visibility timeout:
        a wake-up would be lost for two minutes.
        """
        self.stop("worker", how=signal.SIGKILL)
        url = self.environment["CELERY_QUEUE_URL"]
        self.sqs.send_message(QueueUrl=url, MessageBody="{}")
        names: list[QueueAttributeNameType] = ["ApproximateNumberOfMessages"]

        def taken() -> bool:
            found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            return found["Attributes"][names[0]] == "0"

        with contextlib.suppress(AssertionError):  # no poll was open
            wait_until(taken, seconds=2, what="the last poll")
        self.sqs.purge_queue(QueueUrl=url)

    def is_looping(self, name: str) -> bool:
        """Whether a poller or a sweeper has started its threads, and so its handler for SIGTERM."""
        return len(list(Path(f"/proc/{self.processes[name].pid}/task").iterdir())) > 1

    def answers(self) -> bool:
        """Whether the web process is ready."""
        try:
            return requests.get(f"{self.url}/healthz/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def people(self, **roles: str) -> None:
        """Create users with a role in the queue and the PASSWORD."""
        script = PEOPLE.format(roles=roles, queue=QUEUE, password=PASSWORD)
        self.manage("shell", "--no-imports", "-c", script)

    def program(self, name: str) -> Program:
        """A REST client with a fresh token of this person."""
        token = self.manage("create_api_token", f"{name}@example.com", "--name", "flow").strip()
        return Program(self.url, token)

    def execution(self, arn: str) -> dict[str, Any]:
        """The response of DescribeExecution."""
        return dict(self.stepfunctions.describe_execution(executionArn=arn))

    def ended(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        """The execution, once it has ended."""
        ended = wait_until(
            lambda: (e := self.execution(arn))["status"] != "RUNNING" and e,
            seconds=seconds,
            what=f"the end of {arn}",
        )
        return dict(ended)

    def states(self, arn: str) -> list[str]:
        """The names of the states this execution has entered, in order."""
        pages = self.stepfunctions.get_paginator("get_execution_history")
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages.paginate(executionArn=arn)
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]


class Program:
    """A client of the REST API."""

    def __init__(self, url: str, token: str) -> None:
        self.root = f"{url}/api/v1/"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> Any:
        """GET a path; returns the JSON of the response."""
        answer = self.session.get(self.root + path, params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """POST to a path and expect this status; returns the JSON of the response."""
        answer = self.session.post(self.root + path, json=body or {}, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()

    def start(self, order: dict[str, Any]) -> str:
        """Start an order; returns the ARN of its execution."""
        answer = self.session.post(f"{self.root}orders/", json=order, timeout=10)
        assert answer.status_code in {200, 201, 202}, answer.text
        path = f"orders/{order['order_id']}/"
        found = wait_until(
            lambda: (o := self.get(path))["execution_arn"] and o, seconds=60, what="a start"
        )
        return str(found["execution_arn"])

    def review_of(self, order: dict[str, Any]) -> dict[str, Any]:
        """The pending review of an order, once it has arrived."""
        found = wait_until(
            lambda: self.get("reviews/", reference=order["order_id"])["results"],
            seconds=60,
            what=f"the review of {order['order_id']}",
        )
        return dict(found[0])

    def delivered(self, review_id: str) -> dict[str, Any]:
        """The review, once its decision's delivery has ended; asserts that it was delivered."""

        def look() -> Any:
            review = self.get(f"reviews/{review_id}/")
            return review["delivery"]["state"] not in {"waiting", "sending"} and review

        review = wait_until(look, what="the delivery")
        assert review["delivery"]["state"] == "delivered", json.dumps(review["delivery"])
        return dict(review)


@contextlib.contextmanager
def opened(tmp: Path, parameters: dict[str, str]) -> Iterator[Desk]:
    """A desk on a database and an account of its own, with its queue; nothing runs yet."""
    name = f"desk_{os.getpid()}_{tmp.name.replace('-', '_')}"
    url = database.clone(name)
    account = aws.start(log=tmp / "aws.log")
    desk = None
    try:
        template = ROOT / "deploy" / "template.yaml"
        outputs = aws.deploy(account.endpoint, account.region, template, parameters)
        desk = Desk(account, outputs, url)
        desk.manage(
            "register_queue", QUEUE, "--sqs-url", outputs["ReviewQueueUrl"], "--undo-seconds", "1"
        )
        yield desk
    finally:
        if desk:
            desk.stop(*list(desk.processes))
        account.stop()
        database.drop(name)
