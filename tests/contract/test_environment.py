"""The environment as the contract has it: each name is read, alone or as the path in NAME_FILE."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.supervisor import demo_json
from local.supervisor.demo_data import Issued, people
from tests.contract import contract
from tests.measured import measured

DUE = contract.due("environment", contract.ENVIRONMENT)
SHOW = """
import json, logging, runpy, sys
gunicorn = runpy.run_path("config/gunicorn.py")
from config import settings
print(json.dumps({name: str(eval(shows)) for name, shows in json.loads(sys.argv[1]).items()}))
"""


def shown(environment: dict[str, str]) -> dict[str, str]:
    """What a process with nothing but this environment has understood of it."""
    looked_for = {name: contract.ENVIRONMENT[name].seen_in for name in DUE}
    done = subprocess.run(
        [sys.executable, "-c", SHOW, json.dumps(looked_for)],
        env={"PATH": os.environ["PATH"]} | measured() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each value in a file, and NAME_FILE that names it."""
    folder = tmp_path_factory.mktemp("environment")
    for name in DUE:
        (folder / name).write_text(contract.ENVIRONMENT[name].value)
    return {f"{name}_FILE": str(folder / name) for name in DUE}


def test_each_name_of_the_environment_is_read() -> None:
    given = {name: contract.ENVIRONMENT[name].value for name in DUE}

    assert shown(given) == {name: contract.ENVIRONMENT[name].shows for name in DUE}


def test_each_name_may_be_a_file(files: dict[str, str]) -> None:
    assert shown(files) == {name: contract.ENVIRONMENT[name].shows for name in DUE}


@pytest.mark.parametrize("name", contract.not_yet("environment"))
def test_a_name_that_is_not_due_is_not_read(name: str) -> None:
    sources = "\n".join(path.read_text() for path in Path("config").glob("*.py"))

    assert f'"{name}"' not in sources


def test_the_demo_tells_scripts_how_to_reach_it(tmp_path: Path) -> None:
    environment = {
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "us-east-1",
    }
    outputs = {
        "ReviewQueueUrl": "http://q",
        "StateMachineArn": "arn",
        "StateMachineAliasArn": "arn:live",
    }

    demo_json.write(
        tmp_path / "demo.json",
        environment,
        people("password"),
        outputs,
        Issued("token", "whsec_secret"),
    )

    found = json.loads((tmp_path / "demo.json").read_text())
    assert list(found) == contract.DEMO_FILE
    assert all(found.values())
    assert all(list(user) == contract.DEMO_USER for user in found["users"])


def test_every_line_of_what_is_not_due_names_a_line_of_the_contract() -> None:
    promised = {
        "make": contract.MAKE,
        "command": contract.COMMANDS,
        "environment": contract.ENVIRONMENT,
        "route": contract.ROUTES,
        "error": contract.ERRORS,
    }

    for line, reason in contract.NOT_YET_DUE.items():
        kind, _, name = line.partition(" ")
        assert name in promised[kind]
        assert reason
