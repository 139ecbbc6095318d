"""Serves the local AWS account in one process: moto, with its modules replaced or completed."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import ModuleType
from typing import Any

from moto import backends
from moto.core.config import default_user_config
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local.aws import (
    bucket_policies,
    cloudformation,
    cloudformation_types,
    cloudformation_versions,
    definition_parsing,
    distributed_maps,
    execution_descriptions,
    execution_progress,
    executions,
    executor,
    lambda_functions,
    map_run_api,
    nested_workflows,
    queue_locking,
    redrive,
    state_machine_versions,
    task_tokens,
)
from local.aws.account import environment
from local.processes import LocalError

# In this order: some replace what an earlier one has put in moto's place.
_REPLACEMENTS: tuple[ModuleType, ...] = (
    *(
        definition_parsing,
        executor,
        execution_progress,
        redrive,
        task_tokens,
        executions,
        execution_descriptions,
    ),
    *(state_machine_versions, nested_workflows, distributed_maps, map_run_api),
    *(
        lambda_functions,
        queue_locking,
        bucket_policies,
        cloudformation,
        cloudformation_types,
        cloudformation_versions,
    ),
)


def serve(host: str, port: int) -> None:
    """Serve the account on `port` (0: a free one) until SIGTERM; print the endpoint when ready.

    Raises `LocalError` when the port is in use.
    """
    http = _bind(host, port)
    endpoint = f"http://127.0.0.1:{http.server_port}"
    _set_environment(endpoint, http.server_port)
    _complete_moto()
    for number in (signal.SIGTERM, signal.SIGINT):
        # There is nothing to save, and a Lambda or a wait in some thread must not delay the end.
        signal.signal(number, lambda *_: os._exit(0))
    sys.stdout.write(f"{endpoint}\n")
    sys.stdout.flush()
    # moto prints now and then, and the process that started this one has stopped reading.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    http.serve_forever()


def _bind(host: str, port: int) -> Any:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # The executor logs each failed workflow with a dump of itself; the history has it all.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    application = DomainDispatcherApplication(create_backend_app)
    try:
        return make_server(
            host, port, application, threaded=True, request_handler=MotoRequestHandler
        )
    except (OSError, SystemExit) as refused:
        raise LocalError(f"port {port} of {host} is in use: choose another --port") from refused


def _set_environment(endpoint: str, port: int) -> None:
    # For the executor and the handlers, which use boto3.
    os.environ |= environment(endpoint)
    os.environ |= {"MOTO_PORT": str(port), "NO_PROXY": "127.0.0.1,localhost"}


def _complete_moto() -> None:
    # moto looks through its own directory at every request, one request at a time.
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["lambda"] = {"use_docker": False}
    for replacement in _REPLACEMENTS:
        replacement.install()
