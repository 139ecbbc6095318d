"""`register_queue` sets and clears what a queue may do without."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from approvals.models import ReviewQueue

pytestmark = pytest.mark.django_db
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


def test_register_queue_sets_and_clears_state_machines_and_heartbeat(db: None) -> None:
    def register(*more: str) -> ReviewQueue:
        call_command(
            "register_queue",
            "held",
            "--sqs-url",
            "https://q.example/q",
            *more,
            stdout=io.StringIO(),
        )
        return ReviewQueue.objects.get(slug="held")

    made = register("--state-machine", MACHINE, "--state-machine", f"{MACHINE}:3")
    assert made.state_machine_arns == [MACHINE, f"{MACHINE}:3"]
    assert register("--heartbeat-seconds", "60").heartbeat_seconds == 60
    assert register("--name", "Held").state_machine_arns == [MACHINE, f"{MACHINE}:3"]
    assert register("--state-machine", MACHINE).state_machine_arns == [MACHINE]
    assert register("--state-machine", "").state_machine_arns == []
    assert register("--heartbeat-seconds", "0").heartbeat_seconds is None
    for wrong in (["--state-machine", "orders"], ["--heartbeat-seconds", "2"]):
        with pytest.raises(CommandError):
            register(*wrong)
