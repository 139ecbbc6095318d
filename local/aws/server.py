"""Puts the account together in one process and serves it: moto's modules, then what they lack."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import signal
import sys
from typing import Any

from local.aws.account import environment
from local.processes import LocalError

_MOTO = "5.2.5"


def serve(host: str, port: int) -> None:
    """Serve the account on `port` (0: a free one) until SIGTERM; print the endpoint when ready."""
    _check_moto()
    http = _bind(host, port)
    endpoint = f"http://127.0.0.1:{http.server_port}"
    _set_environment(endpoint, http.server_port)
    _complete_moto()
    for number in (signal.SIGTERM, signal.SIGINT):
        # There is nothing to save, and a Lambda or a wait in some thread must not delay the end.
        signal.signal(number, lambda *_: os._exit(0))
    sys.stdout.write(f"{endpoint}\n")
    sys.stdout.flush()
    # moto prints now and then; whoever started us has stopped reading.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    http.serve_forever()


def _check_moto() -> None:
    """The rooms here replace parts of moto: only the version they were written for will do."""
    try:
        found = importlib.metadata.version("moto")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != _MOTO:
        raise LocalError(f"the local AWS needs moto {_MOTO} and found {found}: run `make setup`")


def _bind(host: str, port: int) -> Any:
    from moto.server import (  # noqa: PLC0415 - after the check of its version
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - installed with moto

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # The executor reports each failed workflow with a dump of itself; the history has it all.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    application = DomainDispatcherApplication(create_backend_app)
    try:
        return make_server(
            host, port, application, threaded=True, request_handler=MotoRequestHandler
        )
    except (OSError, SystemExit) as refused:
        raise LocalError(f"port {port} of {host} is in use: choose another --port") from refused


def _set_environment(endpoint: str, port: int) -> None:
    # The executor and the handlers use boto3 in here: a profile of the shell must not reach them.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= environment(endpoint)
    os.environ |= {"MOTO_PORT": str(port), "NO_PROXY": "127.0.0.1,localhost"}


def _complete_moto() -> None:
    from moto import backends  # noqa: PLC0415
    from moto.core.config import default_user_config  # noqa: PLC0415

    from local.aws import (  # noqa: PLC0415
        buckets,
        descriptions,
        executions,
        executor,
        functions,
        map_calls,
        maps,
        nested,
        parsing,
        progress,
        queues,
        redrive,
        stack,
        stack_types,
        stack_versions,
        tokens,
        versions,
    )

    # moto looks through its own directory at every request, one request at a time.
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["lambda"] = {"use_docker": False}
    rooms: tuple[Any, ...] = (
        *(parsing, executor, progress, redrive, tokens, executions, descriptions),
        *(versions, nested, maps, map_calls),
        *(functions, queues, buckets, stack, stack_types, stack_versions),
    )
    for room in rooms:
        room.install()
