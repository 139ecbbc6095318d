"""`var/demo.json`: how scripts reach the running demo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.supervisor.demo_data import QUEUE, Issued, Person
from local.supervisor.private_files import write_private


def write(
    path: Path,
    environment: Mapping[str, str],
    people: Sequence[Person],
    outputs: Mapping[str, str],
    issued: Issued,
) -> None:
    """Write the demo's addresses, people and secrets to `path`, readable by its owner only.

    `environment` is that of the demo's processes, `outputs` those of the deployed stack.
    """
    values = {
        "url": environment["PUBLIC_URL"],
        "api_token": issued.api_token,
        "users": [
            {"email": person.email, "password": person.password, "role": person.role}
            for person in people
        ],
        "aws_endpoint": environment["AWS_ENDPOINT_URL"],
        "region": environment["AWS_REGION"],
        "queue": QUEUE,
        "queue_url": outputs["ReviewQueueUrl"],
        "state_machine_arn": outputs["StateMachineArn"],
        "webhook_secret": issued.webhook_secret,
    }
    write_private(path, json.dumps(values, indent=2))
