"""The ground truth: every call, effect and fault as one line of JSON, durable before the answer leaves.

No line holds a task token or a body: tokens stand as the hex of their SHA-256, bodies as a digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ANSWERS = ("SendTaskSuccess", "SendTaskFailure")
_DECISION = re.compile(
    r"decision(?:_id\W+|\s+)([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)


def fingerprint(token: str) -> str:
    """The hex of a token's SHA-256; what already is one comes back unchanged."""
    if not token or re.fullmatch(r"[0-9a-f]{64}", token):
        return token
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def decision_in(text: str | None) -> str:
    """The decision_id an output or a cause carries, or nothing; of several the last one counts."""
    try:
        document = json.loads(text or "null")
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("decision_id"), str):
        return str(document["decision_id"])
    found = _DECISION.findall(text or "")
    return found[-1] if found else ""


class Journal:
    """The writing end: lines in the order things happened, fsynced in groups.

    `at` is the machine's clock in seconds since the epoch, never the fake's own, so that lines
    compare with a database's commit times.
    """

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self.path = path
        self._fsync = fsync
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._closed = False
        with path.open("rb") as file:
            self._written = self._synced = sum(1 for _ in file)

    def write(self, what: str, op: str, **fields: Any) -> None:
        """Append a `call`, an `effect` or a `fault`; fields that are None are left out."""
        known = {key: value for key, value in fields.items() if value is not None}
        with self._writing:
            if self._closed:  # a call that outlived the fake; the descriptor may be another file's
                return
            self._written += 1
            line = {"n": self._written, "at": time.time(), "what": what, "op": op, **known}
            os.write(self._file, json.dumps(line).encode() + b"\n")

    def sync(self) -> None:
        """Return once everything written before is on the disk; one fsync serves all who wait."""
        if not self._fsync:
            return
        mine = self._written
        with self._syncing:
            if self._synced < mine and not self._closed:
                reached = self._written
                os.fsync(self._file)
                self._synced = reached

    def close(self) -> None:
        """Make the last lines durable and close the file."""
        self.sync()
        with self._writing, self._syncing:
            self._closed = True
            os.close(self._file)


class Log:
    """The reading end, also for other processes: it reads on from where it stopped."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._read: list[dict[str, Any]] = []
        self._position = 0
        self._reading = threading.Lock()

    def lines(self) -> list[dict[str, Any]]:
        """Every complete line so far, oldest first; a torn last line of a killed fake is left out."""
        with self._reading:
            if self.path.exists():  # the temporary log of a fake in process goes with it
                with self.path.open("rb") as file:
                    file.seek(self._position)
                    whole = file.read().rpartition(b"\n")[0]
                if whole:
                    self._read += map(json.loads, whole.split(b"\n"))
                    self._position += len(whole) + 1
            return list(self._read)

    def _those(self, what: str, op: str = "", token: str = "") -> list[dict[str, Any]]:
        print_ = fingerprint(token)
        return [
            line
            for line in self.lines()
            if line["what"] == what
            and (not op or line["op"] == op)
            and (not token or line.get("token") == print_)
        ]

    def effects(self, op: str = "", token: str = "") -> list[dict[str, Any]]:
        """What changed in the world: tokens closed, executions started and ended, messages gone."""
        return self._those("effect", op, token)

    def calls(self, op: str = "", token: str = "") -> list[dict[str, Any]]:
        """The requests, each with `received`, `digest`, `applied`, `error` and what was `answered`."""
        return self._those("call", op, token)

    def faults(self, op: str = "", token: str = "") -> list[dict[str, Any]]:
        """The faults that were acted out."""
        return self._those("fault", op, token)

    def effect_of(self, token: str) -> dict[str, Any] | None:
        """The line that closed this token, `by` whom and with which decision_id; None while open.

        Raises AssertionError where there are two: then the fake itself is broken.
        """
        closing = [line for line in self.effects(token=token) if line.get("closes")]
        assert len(closing) <= 1, f"one token was closed {len(closing)} times"
        return closing[0] if closing else None

    def closed_more_than_once(self) -> list[str]:
        """Fingerprints of tokens with more than one effect. Must be empty."""
        counts = Counter(line["token"] for line in self.effects() if line.get("closes"))
        return [token for token, count in counts.items() if count > 1]

    def bodies_of(self, token: str) -> set[tuple[str, str]]:
        """The (operation, digest) of all answers tried with a token: one pair, if bytes never change."""
        return {
            (line["op"], line["digest"])
            for line in self.calls(token=token)
            if line["op"] in ANSWERS
        }

    def tokens_sent_with_other_bytes(self) -> list[str]:
        """Fingerprints of tokens whose answers were not all byte-identical. Must be empty."""
        seen: dict[str, set[tuple[str, str]]] = {}
        for line in self.calls():
            if line["op"] in ANSWERS and line.get("by") != "other_party":
                seen.setdefault(line["token"], set()).add((line["op"], line["digest"]))
        return [token for token, bodies in seen.items() if len(bodies) > 1]

    def winner(self, token: str) -> str:
        """The decision_id that closed this token; empty if none did."""
        effect = self.effect_of(token)
        return effect.get("decision_id", "") if effect else ""

    def deletes(self, token: str = "") -> list[dict[str, Any]]:
        """Messages that a DeleteMessage(Batch) removed, with `message_id` and when it was `received`."""
        return self.effects("DeleteMessage", token)

    def sends(self, token: str = "") -> list[dict[str, Any]]:
        """Messages that were put on a queue, with `message_id` and the `digest` of their body."""
        return self.effects("SendMessage", token)

    def deliveries(self, token: str = "") -> list[dict[str, Any]]:
        """Each handing out of a message, with its `message_id` and `receive_count`."""
        return self.effects("ReceiveMessage", token)
