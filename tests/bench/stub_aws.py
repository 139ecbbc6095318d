"""A bare stub of SQS, Step Functions and STS: right answers at little cost, and a delay for callbacks.

`python -m tests.bench.stub_aws PORT`. It keeps nothing durably and checks nothing, so that it measures the
caller. `POST /control` sets {"delay": seconds before SendTask* is answered, "supply": messages left in
review queues, "reset": true}; `GET /state` counts what came, `GET /calls` lists the callbacks.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.bench.message import body

_IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
    b"<Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>bench</UserId>"
    b"</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class World:
    """The state: one queue of wake-ups, a supply of reviews, and what was called."""

    def __init__(self) -> None:
        self.delay, self.supply = 0.0, 0
        self.numbers = itertools.count(1)
        self.prefix = f"{time.time_ns():x}"
        self.wake_ups: deque[str] = deque(maxlen=100_000)
        self.arrived = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        self.callbacks = self.deleted = self.received = self.sent = 0
        self.calls: deque[tuple[float, str]] = deque(maxlen=50_000)

    async def send_task(self, given: dict[str, Any]) -> dict[str, Any]:
        """SendTaskSuccess or SendTaskFailure."""
        self.calls.append((time.time(), given.get("output") or given.get("cause") or ""))
        if self.delay:
            await asyncio.sleep(self.delay)
        self.callbacks += 1
        return {}

    async def receive(self, given: dict[str, Any]) -> dict[str, Any]:
        """ReceiveMessage: wake-ups from the queue `celery`, new reviews from all others."""
        most = int(given.get("MaxNumberOfMessages", 1))
        if given["QueueUrl"].endswith("/celery"):
            bodies = await self._wake_ups(most, float(given.get("WaitTimeSeconds", 0)))
        else:
            count = min(most, self.supply)
            self.supply -= count
            if not count:
                await asyncio.sleep(min(1.0, float(given.get("WaitTimeSeconds", 0))))
            bodies = []
            for number in itertools.islice(self.numbers, count):
                bodies.append(body(f"ORD-{self.prefix}-{number}", number))
        self.received += len(bodies)
        return {"Messages": [_message(text) for text in bodies]} if bodies else {}

    async def _wake_ups(self, most: int, wait: float) -> list[str]:
        until = time.monotonic() + wait
        while not self.wake_ups and (left := until - time.monotonic()) > 0:
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), left)
            except TimeoutError:
                break
        return [self.wake_ups.popleft() for _ in range(min(most, len(self.wake_ups)))]

    async def send(self, given: dict[str, Any]) -> dict[str, Any]:
        """SendMessage: a wake-up."""
        text = given["MessageBody"]
        self.wake_ups.append(text)
        self.arrived.set()
        self.sent += 1
        return {"MD5OfMessageBody": _md5(text), "MessageId": f"{self.prefix}-{self.sent}"}

    async def send_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        """SendMessageBatch: wake-ups."""
        return {"Successful": [{"Id": e["Id"], **await self.send(e)} for e in given["Entries"]]}

    async def delete(self, given: dict[str, Any]) -> dict[str, Any]:
        """DeleteMessage and DeleteMessageBatch."""
        entries = given.get("Entries")
        self.deleted += 1 if entries is None else len(entries)
        return {} if entries is None else {"Successful": [{"Id": e["Id"]} for e in entries]}

    async def attributes(self, _: dict[str, Any]) -> dict[str, Any]:
        """GetQueueAttributes."""
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.wake_ups))}}

    async def describe(self, given: dict[str, Any]) -> dict[str, Any]:
        """DescribeExecution: it runs."""
        arn = given["executionArn"]
        return {"executionArn": arn, "status": "RUNNING", "startDate": time.time(), "input": "{}"}

    def control(self, given: dict[str, Any]) -> dict[str, Any]:
        """Set what `given` names."""
        if given.get("reset"):
            self.reset()
            self.wake_ups.clear()
        self.delay = given.get("delay", self.delay)
        self.supply = given.get("supply", self.supply)
        return {}

    def state(self) -> dict[str, Any]:
        """The counts so far."""
        names = ("callbacks", "deleted", "received", "sent", "supply")
        return {"at": time.time()} | {name: getattr(self, name) for name in names}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _message(text: str) -> dict[str, Any]:
    handle = f"{time.time_ns():x}"
    return {
        "MessageId": handle,
        "ReceiptHandle": handle,
        "MD5OfBody": _md5(text),
        "Body": text,
        "Attributes": {"SentTimestamp": str(int(time.time() * 1000))},
    }


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; requests have a Content-Length or no body."""

    def __init__(self, world: World) -> None:
        self.world, self.buffer = world, b""
        self.actions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "AWSStepFunctions.SendTaskSuccess": world.send_task,
            "AWSStepFunctions.SendTaskFailure": world.send_task,
            "AWSStepFunctions.DescribeExecution": world.describe,
            "AmazonSQS.ReceiveMessage": world.receive,
            "AmazonSQS.SendMessage": world.send,
            "AmazonSQS.SendMessageBatch": world.send_batch,
            "AmazonSQS.DeleteMessage": world.delete,
            "AmazonSQS.DeleteMessageBatch": world.delete,
            "AmazonSQS.GetQueueAttributes": world.attributes,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request; the next one of a connection comes after the answer."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect"):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.buffer = self.buffer.replace(b"100-continue", b"", 1)
            return
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        asyncio.ensure_future(self._answer(first, headers, rest[:length]))  # noqa: RUF006

    async def _answer(self, first: str, headers: dict[str, str], text: bytes) -> None:
        path, target = first.split(" ")[1], headers.get("x-amz-target", "")
        code, kind = "200 OK", b"application/x-amz-json-1.0"
        if target in self.actions:
            answer = json.dumps(await self.actions[target](json.loads(text))).encode()
        elif path == "/state":
            answer = json.dumps(self.world.state()).encode()
        elif path == "/calls":
            answer = json.dumps(list(self.world.calls)).encode()
        elif path == "/control":
            answer = json.dumps(self.world.control(json.loads(text))).encode()
        elif b"GetCallerIdentity" in text:
            answer, kind = _IDENTITY, b"text/xml"
        else:
            sys.stderr.write(f"not known here: {first} {target}\n")
            code, answer = "400 Bad Request", b'{"__type": "UnknownOperationException"}'
        length = b"Content-Length: %d\r\nContent-Type: %s\r\n\r\n" % (len(answer), kind)
        self.transport.write(
            f"HTTP/1.1 {code}\r\nx-amzn-RequestId: bench\r\n".encode() + length + answer
        )


async def serve(port: int) -> None:
    """Listen on 127.0.0.1 until killed."""
    world = World()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(world), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
