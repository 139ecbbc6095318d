"""Celery's SQS transport, with a judge before it: a message that is no wake-up is dropped, and the worker lives.

kombu and Celery believe what lies in the queue: a foreign routing key, a header of another type or bad
base64 ended the worker, and again each time SQS showed the message anew. So every message is read here
first. Of one that is a wake-up, a new message is built with its task, its arguments and nothing else;
any other is deleted with one log line, which names no content. Nothing is lost by that: the rows say
what is to be done, and the worker's loop finds them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import structlog
from celery import current_app
from kombu.transport import SQS

log = structlog.get_logger(__name__)

MAX_CHARACTERS = 65_536  # a wake-up has under 2,000
MAX_TEXT = 256  # characters of a task's name
CELERYS_OWN = "celery."  # tasks that Celery registers itself; no wake-up is one of them


class NoWakeUpError(Exception):
    """A message is no wake-up; the text says why, without its content."""


def envelope(body: str, tasks: Collection[str]) -> str:
    """The body of a message for kombu that asks for the same task with the same arguments.

    `body` is the body of an SQS message, `tasks` are the names that this release knows. Who routed the
    message, and how, does not count: a release that renames its exchange or its routing key is understood.
    Raises NoWakeUpError.
    """
    if len(body) > MAX_CHARACTERS:
        raise NoWakeUpError("too large")
    outer = _json(_plain(body))
    headers = outer.get("headers") if isinstance(outer, dict) else None
    if not isinstance(outer, dict) or not isinstance(headers, dict):
        raise NoWakeUpError("not a message of Celery's protocol 2")
    task, task_id = headers.get("task"), _task_id(headers.get("id"))
    if not isinstance(task, str) or len(task) > MAX_TEXT:
        raise NoWakeUpError("without the name of a task")
    if task not in tasks or task.startswith(CELERYS_OWN):
        raise NoWakeUpError("for a task that this release does not know")
    if outer.get("content-type") != "application/json" or headers.get("compression"):
        raise NoWakeUpError("not JSON inside, or compressed")
    return _written(task, task_id, *_arguments(outer))


def _written(task: str, task_id: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """The message with which kombu hands this call of a task to Celery."""
    inner = json.dumps([arguments, named, {}]).encode()
    return json.dumps(
        {
            "body": base64.b64encode(inner).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": task, "id": task_id, "root_id": task_id},
            "properties": {
                "correlation_id": task_id,
                "delivery_info": {
                    "exchange": "",
                    "routing_key": current_app.conf.task_default_queue,
                },
                "priority": 0,
                "body_encoding": "base64",
            },
        }
    )


def _plain(body: str) -> str:
    """The text of a body, which kombu encodes in base64."""
    if body.lstrip()[:1] == "{":
        return body
    return _decoded(body)


def _decoded(text: object) -> str:
    if not isinstance(text, str):
        raise NoWakeUpError("without a body")
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise NoWakeUpError("not base64 of UTF-8") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoWakeUpError("not JSON") from None


def _task_id(value: object) -> str:
    """The id of the task's call; a new one for what is no UUID, because it only names the call in the log."""
    try:
        return str(UUID(value)) if isinstance(value, str) else str(uuid4())
    except ValueError:
        return str(uuid4())


def _arguments(outer: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    properties = outer.get("properties")
    encoding = properties.get("body_encoding") if isinstance(properties, dict) else None
    text = outer.get("body")
    inner = _json(_decoded(text) if encoding == "base64" else str(text))
    if not isinstance(inner, list) or len(inner) != 3:
        raise NoWakeUpError("without arguments of a task")
    arguments, named, _ = inner
    if not isinstance(arguments, list) or not isinstance(named, dict):
        raise NoWakeUpError("without arguments of a task")
    return arguments, named


class Channel(SQS.Channel):
    """A channel that hands only wake-ups to its consumers, and deletes every other message."""

    def _on_messages_ready(self, queue: str, qname: str, messages: dict[str, Any]) -> int:
        """As kombu's, for the worker's event loop; `queue` is the URL, `qname` the name."""
        fit = self._fit(messages.get("Messages") or [], queue, qname)
        return int(super()._on_messages_ready(queue, qname, {"Messages": fit}))  # type: ignore[misc]

    def _receive_message(self, queue: str, *args: Any, **options: Any) -> dict[str, Any]:
        """As kombu's, for pools without an event loop."""
        answer: dict[str, Any] = super()._receive_message(queue, *args, **options)  # type: ignore[misc]
        url = self._new_queue(queue)  # type: ignore[func-returns-value]
        return answer | {"Messages": self._fit(answer.get("Messages") or [], str(url), queue)}

    def send_calls(self, calls: Sequence[tuple[str, Sequence[str]]]) -> dict[int, str]:
        """Send calls of tasks, each a name and its arguments, with one request, which takes ten at most.

        Returns SQS's error codes for those that it did not take, by their numbers. Raises boto3's errors.
        """
        queue = current_app.conf.task_default_queue
        bodies = [_written(task, str(uuid4()), list(given), {}) for task, given in calls]
        answer = self.sqs(queue=self.canonical_queue_name(queue)).send_message_batch(
            QueueUrl=self._new_queue(queue),  # type: ignore[func-returns-value]
            Entries=[{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)],
        )
        return {int(each["Id"]): str(each["Code"]) for each in answer.get("Failed", ())}

    def _fit(self, messages: Iterable[dict[str, Any]], url: str, name: str) -> list[dict[str, Any]]:
        """The wake-ups among these messages, built anew; the others are deleted."""
        fit = []
        for message in messages:
            try:
                body = envelope(str(message.get("Body") or ""), current_app.tasks)
            except NoWakeUpError as error:
                self._drop(message, url, name, str(error))
            except Exception as error:  # noqa: BLE001  (whatever lies there, the worker lives)
                self._drop(message, url, name, type(error).__name__)
            else:
                fit.append(message | {"Body": body})
        return fit

    def _drop(self, message: dict[str, Any], url: str, name: str, reason: str) -> None:
        about = {"message": str(message.get("MessageId")), "reason": reason, "deleted": True}
        try:
            self.sqs(queue=self.canonical_queue_name(name)).delete_message(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
            )
        except Exception as error:  # noqa: BLE001  (SQS shows it again, then moves it to its dead letters)
            about |= {"deleted": False, "error": type(error).__name__}
        log.warning("hint.dropped", characters=len(str(message.get("Body") or "")), **about)


class Transport(SQS.Transport):
    """kombu's SQS transport with this module's channel."""

    Channel = Channel
