"""Thousands of requests that schemathesis makes up from the OpenAPI document, against the real app.

Several legs, each with its own caller: one who may do everything, some who may do little, and one
without a token. The
phases are schemathesis' own: examples, the edges of every parameter, chance, and chains along the
document's links. Requests go through WSGI in one thread, which keeps its database connection.
"""

from __future__ import annotations

import io
import json
import re
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import requests
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from schemathesis import Case, HookContext, Response, engine
from schemathesis.core.failures import Failure
from schemathesis.core.result import Ok
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.transport.wsgi import WSGITransport

from approvals.api import errors
from tests.fuzz import expected_failures
from tests.fuzz.real_names import TO_BE_SIGNED, name_rows
from tests.fuzz.report import Finding, Report
from tests.fuzz.world import World

SCHEMA = "/api/schema/?format=json"
NOBODY = "nobody"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
MEMORY = 50  # cursors to draw from
TAKEN = ["2xx", "401", "403", "404", "409", "412"]  # what may become of valid data
REFUSED = ["4xx"]  # what must become of data that is not
_NEXT = re.compile(rb'"next":"[^"]*[?&]cursor=([^"&]+)')


@dataclass(frozen=True)
class Leg:
    """Who calls, in which phases, and for which share of the cases; 0 means until they end."""

    caller: str
    phases: tuple[str, ...]
    share: float = 0


EDGES = Leg("everything", ("examples", "coverage"))
CHANCE = (
    Leg("everything", ("stateful",), 0.2),
    *(
        Leg(caller, ("fuzzing",), 0.05)
        for caller in ("reviewer", "viewer", "outsider", "read_only", "decide_only", "orders_only")
    ),
    Leg(NOBODY, ("fuzzing",), 0.05),
    Leg("everything", ("fuzzing",), 1),
)


class Campaign:
    """One run over the API's document. Close it, so that its thread gives back its connection."""

    def __init__(self, *, seed: int, cases: int) -> None:
        self.report = Report(seed, planned=cases)
        self.world = World(seed)
        self.operations: list[str] = []
        self._failed: list[str] = []  # what was behind an answer of 500, as the log would say it
        self._thread = ThreadPoolExecutor(1)
        self._wsgi = WSGIHandler()
        self._thread.submit(self.world.build).result()

    def close(self) -> None:
        """Give back the thread and its connection."""
        self._thread.submit(connections.close_all).result()
        self._thread.shutdown()

    def run(self, *, edges: bool) -> Report:
        """All legs; the edges of every parameter first, where they are wanted."""
        began = time.monotonic()
        if edges:
            self._walk(EDGES, self.report.planned, rounds=1)
        rest = self.report.planned - self.report.cases
        for leg in CHANCE:
            left = self.report.planned - self.report.cases
            self._walk(leg, min(left, round(rest * leg.share)))
        self.report.seconds = time.monotonic() - began
        return self.report

    def _walk(self, leg: Leg, budget: int, *, rounds: int = 20) -> None:
        """One leg: rounds of the engine with a seed each, until the budget is used."""
        until = self.report.cases + budget
        for number in range(rounds):
            before = self.report.cases
            schema = self._schema(leg, self.report.seed + 1_000 * number, until - before)
            self._listen(leg, schema, until)
            if self.report.cases >= until or self.report.cases == before:
                return

    def _schema(self, leg: Leg, seed: int, budget: int) -> Any:
        each = max(3, budget // len(self.operations or "?" * 20))
        token = self.world.tokens.get(leg.caller)
        # Without a socket between, schemathesis does not decompress what it says it accepts.
        headers = {"Accept-Encoding": "identity"}
        config = {
            "seed": seed,
            "headers": headers | ({"Authorization": f"Bearer {token}"} if token else {}),
            "continue-on-failure": True,
            "warnings": False,
            "suppress-health-check": ["all"],
            "generation": {"max-examples": each, "database": "none", "no-shrink": True},
            "phases": {name: {"enabled": name in leg.phases} for name in PHASES},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": TAKEN},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            },
        }
        schema = schemathesis.openapi.from_wsgi(
            SCHEMA, self._app, config=schemathesis.Config.from_dict(config)
        )
        self.operations = []
        for operation in schema.get_all_operations():
            assert isinstance(operation, Ok), operation
            self.operations.append(operation.ok().label)
        return schema

    def _listen(self, leg: Leg, schema: Any, until: int) -> None:
        stream = engine.from_schema(schema).execute()

        def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
            self.report.cases += 1
            self._thread.submit(name_rows, case, self.world).result()
            if self.report.cases >= until:
                stream.stop()

        with _hooked(before_call, filter_failure), _in_process(), self._watching():
            for event in stream:
                if isinstance(event, events.ScenarioFinished):
                    self._read(event.recorder, leg)
                elif isinstance(event, events.FatalError):
                    raise event.exception
                elif isinstance(event, events.NonFatalError):
                    self._crashed(event, leg)

    def _read(self, recorder: ScenarioRecorder, leg: Leg) -> None:
        for case_id, node in recorder.cases.items():
            label, seen = node.value.operation.label, recorder.interactions.get(case_id)
            if seen and seen.response:
                self.report.saw(label, seen.response.status_code)
            for check in recorder.checks.get(case_id, ()):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    answer = _refusal(seen.response) if seen and seen.response else ""
                    message = f"{failure.title}: {failure.message}{self._why(check.name)}\n{answer}"
                    found = Finding(
                        check.name, label, leg.caller, message, check.failure_info.code_sample
                    )
                    found.known = expected_failures.open_finding(check.name, label, message)
                    self.report.found(found, title=f"{failure.title} {found.known or answer}")

    def _why(self, check: str) -> str:
        return f" {self._failed[-1]}" if check == "not_a_server_error" and self._failed else ""

    def _crashed(self, event: events.NonFatalError, leg: Leg) -> None:
        """What the engine could not do at all counts as found: nobody has looked at it."""
        message = event.info.format()
        self.report.found(
            Finding("engine", event.label, leg.caller, message, ""), title=message[:80]
        )

    @contextmanager
    def _watching(self) -> Iterator[None]:
        def error(event: str, *, exc_info: BaseException, **values: Any) -> None:
            last = traceback.extract_tb(exc_info.__traceback__)[-1]
            self._failed.append(f"{exc_info!r} at {Path(last.filename).name}:{last.lineno}")

        with mock.patch.object(errors, "log", mock.Mock(error=error)):
            yield

    def _app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self._thread.submit(self._answer, environ, start_response).result()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ.get("HTTP_WEBHOOK_SIGNATURE") == TO_BE_SIGNED:
            self._sign(environ)
        response = self._wsgi(environ, start_response)
        try:
            content = b"".join(response)
        finally:
            response.close()
        if found := _NEXT.search(content):
            self.world.cursors = [*self.world.cursors[-MEMORY:], unquote(found[1].decode())]
        return [content]

    def _sign(self, environ: dict[str, Any]) -> None:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        identity, at = environ["HTTP_WEBHOOK_ID"], environ["HTTP_WEBHOOK_TIMESTAMP"]
        environ["HTTP_WEBHOOK_SIGNATURE"] = self.world.sender.signature(identity, at, body)


def _refusal(response: Response) -> str:
    """Returns the status, the place and the detail of a problem document."""
    try:
        problem = json.loads(response.content)
        place = problem.get("pointer", problem.get("parameter", problem.get("header")))
    except (ValueError, AttributeError):
        return str(response.status_code)
    return f"{response.status_code} at {place!r}: {problem.get('detail')}"


def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Keep all failures but the refusals that are meant."""
    return not expected_failures.is_expected(failure, response)


@contextmanager
def _hooked(*hooks: Callable[..., Any]) -> Iterator[None]:
    for hook in hooks:
        GLOBAL_HOOK_DISPATCHER.register_hook_with_name(hook, hook.__name__)
    try:
        yield
    finally:
        for hook in hooks:
            GLOBAL_HOOK_DISPATCHER.unregister(hook)


@contextmanager
def _in_process() -> Iterator[None]:
    """schemathesis 4.32.5 hands its probes for ignored_auth a socket's settings, which WSGI has not."""
    send = WSGITransport.send

    def without_socket(self: WSGITransport, case: Case[Any], **kwargs: Any) -> Response:
        if not isinstance(kwargs.get("session"), requests.Session):
            for name in ("max_redirects", "verify", "cert", "proxies"):
                kwargs.pop(name, None)
        return send(self, case, **kwargs)

    with mock.patch.object(WSGITransport, "send", without_socket):
        yield
