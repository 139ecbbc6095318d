"""The fake in a process of its own: started, controlled over HTTP, its log read from the file."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from tests.fake_aws.journal import Log
from tests.paths import ROOT


class ControlError(Exception):
    """The fake did not understand a verb; its words are the message."""


class Remote:
    """The verbs of a fake that runs elsewhere: `remote.plan("SendTask*", ["throttled"])`."""

    def __init__(self, endpoint: str, log: Path | None = None) -> None:
        self.endpoint = endpoint
        self._connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
        self._talking = Lock()
        if log is not None:
            self.log = Log(log)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_") or verb == "log":
            raise AttributeError(verb)

        def ask(*arguments: Any, **named: Any) -> Any:
            return self._ask({"verb": verb, "positional": arguments, "arguments": named})

        return ask

    def close(self) -> None:
        """Close the connection; the next verb opens another."""
        self._connection.close()

    def many(self, verb: str, arguments: list[dict[str, Any]]) -> list[Any]:
        """The same verb with many sets of arguments, in one request."""
        result: list[Any] = self._ask([{"verb": verb, "arguments": one} for one in arguments])
        return result

    def _ask(self, what: Any) -> Any:
        with self._talking:
            self._connection.request("POST", "/_control", json.dumps(what))
            answer = json.loads(self._connection.getresponse().read())
        if "error" in answer:
            raise ControlError(answer["error"])
        return answer["result"]


@contextlib.contextmanager
def spawned(log: Path, *arguments: str) -> Iterator[tuple[Remote, subprocess.Popen[str]]]:
    """A fake in a process of its own, ready; it is killed at the end. Arguments as of `__main__`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_aws", "--log", str(log), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    remote = Remote(process.stdout.readline().strip(), log)
    try:
        yield remote, process
    finally:
        remote.close()
        process.kill()
        process.wait()
        process.stdout.close()
