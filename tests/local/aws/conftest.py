"""Clients, workflows and stacks in the local account that all tests of a worker share."""

from __future__ import annotations

from typing import Any

import pytest

from local import aws as local_aws
from tests.local.aws.resources import Bucket, Table
from tests.local.aws.stacks import FUNCTIONS, Deploy
from tests.local.aws.workflows import Clients, MakeWorkflow, Workflow


@pytest.fixture(scope="session")
def clients(local_account: local_aws.Account) -> Clients:
    """Clients of the account."""
    return Clients(local_account.endpoint)


@pytest.fixture
def workflow(clients: Clients) -> MakeWorkflow:
    """Makes a workflow of the given states; `review()` is one that waits."""

    def make(states: dict[str, Any], *, kind: str = "STANDARD", **machine: Any) -> Workflow:
        return Workflow.create(clients, states, kind, machine)

    return make


@pytest.fixture(scope="session")
def bucket(clients: Clients) -> Bucket:
    """A bucket with versions."""
    return Bucket(clients)


@pytest.fixture
def table(clients: Clients) -> Table:
    """A table that is not there yet."""
    return Table(clients)


@pytest.fixture(scope="session")
def deploy(local_account: local_aws.Account, clients: Clients) -> Deploy:
    """Deploys templates into the account."""
    return Deploy(local_account, clients)


@pytest.fixture(scope="session")
def functions(deploy: Deploy) -> dict[str, str]:
    """The outputs of functions.yaml: Lambda functions, a queue, a table and a state machine."""
    return deploy(FUNCTIONS, "functions", Greeting="hi")


@pytest.fixture(scope="session")
def versions(deploy: Deploy) -> dict[str, str]:
    """The outputs of versions.yaml, which returns "hi"; nothing changes this stack."""
    return deploy.versions("versions", greeting="hi")
