"""`var/demo.json`: what scripts find there."""

from __future__ import annotations

import json
from pathlib import Path

from local.supervisor import demo_json
from local.supervisor.demo_data import Issued, people

ENVIRONMENT = {
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:5",
    "AWS_REGION": "us-east-1",
    "SECRET_KEY": "not for scripts",
}
OUTPUTS = {"ReviewQueueUrl": "http://127.0.0.1:5/1/review", "StateMachineArn": "arn"}


def test_scripts_find_addresses_people_and_secrets_that_only_the_owner_can_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "var" / "demo.json"

    demo_json.write(path, ENVIRONMENT, people("pass-word"), OUTPUTS, Issued("token", "whsec"))

    found = json.loads(path.read_text())
    assert (found["url"], found["aws_endpoint"]) == ("http://127.0.0.1:8000", "http://127.0.0.1:5")
    assert (found["queue_url"], found["state_machine_arn"]) == (
        "http://127.0.0.1:5/1/review",
        "arn",
    )
    assert (found["api_token"], found["webhook_secret"]) == ("token", "whsec")
    assert {user["password"] for user in found["users"]} == {"pass-word"}
    assert "not for scripts" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
