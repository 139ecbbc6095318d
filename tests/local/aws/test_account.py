"""The local account as a process: how it starts and ends, and what its environment holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import aws as local_aws
from local.aws.account import environment
from tests.local.aws.workflows import LONG_WAIT, Clients, Workflow
from tests.local.processes import is_alive, wait_for_death
from tests.paths import ROOT


def test_an_account_answers_in_a_configured_shell_and_stops_although_a_workflow_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "config"
    broken.write_text("no section")
    with monkeypatch.context() as shell:
        shell.setenv("AWS_PROFILE", "company")
        shell.setenv("AWS_CONFIG_FILE", str(broken))
        account = local_aws.start()
    flow = Workflow.create(Clients(account.endpoint), {"Wait": LONG_WAIT}, "STANDARD", {})
    assert flow.description(flow.start())["status"] == "RUNNING"

    account.stop()

    assert account.process.returncode == 0  # after five seconds it would have been killed


def test_the_account_dies_with_a_parent_that_is_killed() -> None:
    script = (
        "import os, sys, time; from local import aws; "
        "print(aws.start().process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(signal.SIGKILL)

    wait_for_death(pid)


def test_the_environment_of_an_account_is_all_boto3_needs(local_account: local_aws.Account) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"

    output = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], **local_account.environment()},
        capture_output=True,
        text=True,
        check=True,
    )

    assert output.stdout.strip() == "123456789012"


def test_the_environment_hides_the_files_that_name_real_accounts() -> None:
    made = environment("http://127.0.0.1:5", "eu-west-1")

    assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert made["AWS_REGION"] == made["AWS_DEFAULT_REGION"] == "eu-west-1"
