"""The operations of SQS, as botocore asks for them and reads the answers."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

from tests.fake_aws.errors import AwsError, missing
from tests.fake_aws.queues import MAX_VISIBILITY, Copy, Queue, Queues, check_body
from tests.fake_aws.world import ACCOUNT, Call

Answer = dict[str, Any]


class Sqs:
    """Each operation takes a call and returns the answer's members, or raises AwsError."""

    def __init__(self, queues: Queues) -> None:
        self.queues, self.world = queues, queues.world
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "CreateQueue": self._create,
            "GetQueueUrl": self._url,
            "ListQueues": self._list,
            "GetQueueAttributes": self._attributes,
            "SetQueueAttributes": self._set_attributes,
            "PurgeQueue": self._purge,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._visibility,
            "ChangeMessageVisibilityBatch": self._visibility_batch,
        }

    def _queue(self, call: Call) -> Queue:
        if "QueueUrl" not in call.arguments:
            raise missing("queueUrl")
        return self.queues.at(call.arguments["QueueUrl"], call.region)

    def _create(self, call: Call) -> Answer:
        attributes = call.arguments.get("Attributes", {})
        return {
            "QueueUrl": self.queues.create(call.arguments["QueueName"], call.region, attributes).url
        }

    def _url(self, call: Call) -> Answer:
        return {"QueueUrl": self.queues.at(call.arguments["QueueName"], call.region).url}

    def _list(self, call: Call) -> Answer:
        start = call.arguments.get("QueueNamePrefix", "")
        mine = [queue for queue in self.queues.by_name.values() if queue.region == call.region]
        return {"QueueUrls": [queue.url for queue in mine if queue.name.startswith(start)]}

    def _attributes(self, call: Call) -> Answer:
        queue, wanted = self._queue(call), call.arguments.get("AttributeNames", [])
        copies, now = queue.copies(), self.world.now()
        in_flight = sum(bool(copy.handle) and not copy.waiting for copy in copies)
        visible = sum(copy.waiting for copy in copies)
        known = {
            **queue.attributes,
            "QueueArn": queue.arn,
            "CreatedTimestamp": str(int(queue.created)),
            "LastModifiedTimestamp": str(int(min(queue.created, now))),
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(len(copies) - visible - in_flight),
        }
        return {"Attributes": {k: v for k, v in known.items() if "All" in wanted or k in wanted}}

    def _set_attributes(self, call: Call) -> Answer:
        self.queues.set(self._queue(call), call.arguments["Attributes"])
        return {}

    def _purge(self, call: Call) -> Answer:
        self._queue(call).purge()
        return {}

    def _send(self, call: Call) -> Answer:
        return self._sent(self._queue(call), call.arguments)

    def _sent(self, queue: Queue, entry: dict[str, Any]) -> Answer:
        body, attributes = entry.get("MessageBody", ""), entry.get("MessageAttributes") or {}
        check_body(body, int(queue.attributes["MaximumMessageSize"]))
        delay = float(entry.get("DelaySeconds", queue.attributes["DelaySeconds"]))
        copy = queue.send(body, delay=delay, attributes=attributes)
        answer = {"MessageId": copy.message_id, "MD5OfMessageBody": copy.md5()}
        return answer | ({"MD5OfMessageAttributes": _md5_of(attributes)} if attributes else {})

    def _send_batch(self, call: Call) -> Answer:
        queue = self._queue(call)
        return self._batch(call, lambda entry: self._sent(queue, entry))

    def _receive(self, call: Call) -> Answer:
        queue, asked = self._queue(call), call.arguments
        most = _between("MaxNumberOfMessages", asked.get("MaxNumberOfMessages", 1), 1, 10)
        waits = asked.get("WaitTimeSeconds", queue.attributes["ReceiveMessageWaitTimeSeconds"])
        deadline = time.monotonic() + _between("WaitTimeSeconds", waits, 0, 20)
        hidden = asked.get("VisibilityTimeout", queue.attributes["VisibilityTimeout"])
        visibility = _between("VisibilityTimeout", hidden, 0, MAX_VISIBILITY)
        while not (copies := queue.receive(most, visibility)):
            left = deadline - time.monotonic()
            if left <= 0 or self.world.closing.is_set():
                return {}  # AWS leaves the key out where there is no message
            queue.wait_for_arrival(max(0.001, min(left, queue.next_due(), 1.0)))
            self.world.tick()
        return {"Messages": [_message(copy, asked) for copy in copies]}

    def _delete(self, call: Call) -> Answer:
        self._queue(call).delete(call.arguments.get("ReceiptHandle", ""), call.received)
        return {}

    def _delete_batch(self, call: Call) -> Answer:
        queue = self._queue(call)

        def delete(entry: dict[str, Any]) -> Answer:
            if queue.refuses_delete(entry["ReceiptHandle"]):
                raise AwsError("InternalError", "Internal error", 500)
            queue.delete(entry["ReceiptHandle"], call.received)
            return {}

        return self._batch(call, delete)

    def _visibility(self, call: Call) -> Answer:
        return self._changed(self._queue(call), call.arguments)

    def _changed(self, queue: Queue, entry: dict[str, Any]) -> Answer:
        seconds = _between(
            "VisibilityTimeout", entry.get("VisibilityTimeout", 0), 0, MAX_VISIBILITY
        )
        queue.change_visibility(entry.get("ReceiptHandle", ""), seconds)
        return {}

    def _visibility_batch(self, call: Call) -> Answer:
        queue = self._queue(call)
        return self._batch(call, lambda entry: self._changed(queue, entry))

    def _batch(self, call: Call, one: Callable[[dict[str, Any]], Answer]) -> Answer:
        """Do the entries one by one; what one of them refuses stands in Failed, under HTTP 200."""
        entries = call.arguments.get("Entries", [])
        if not entries:
            raise AwsError(
                "EmptyBatchRequest", "There should be at least one entry in the request."
            )
        if len(entries) > 10:
            raise AwsError(
                "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."
            )
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise AwsError("BatchEntryIdsNotDistinct", "Two or more entries have the same Id.")
        done: list[Answer] = []
        failed: list[Answer] = []
        for entry in entries:
            try:
                done.append({"Id": entry["Id"], **one(entry)})
            except AwsError as error:
                fields = {"Code": error.code, "Message": error.message}
                failed.append({"Id": entry["Id"], "SenderFault": error.status < 500, **fields})
        return {"Successful": done, "Failed": failed}


def _message(copy: Copy, asked: dict[str, Any]) -> Answer:
    known = {
        "SenderId": ACCOUNT,
        "SentTimestamp": str(int(copy.sent_at * 1000)),
        "ApproximateReceiveCount": str(copy.receives),
        "ApproximateFirstReceiveTimestamp": str(int(copy.first_received * 1000)),
        "DeadLetterQueueSourceArn": copy.source,
    }
    wanted = {*asked.get("MessageSystemAttributeNames", []), *asked.get("AttributeNames", [])}
    shown = {k: v for k, v in known.items() if v and ("All" in wanted or k in wanted)}
    answer: Answer = {
        "MessageId": copy.message_id,
        "ReceiptHandle": copy.handle,
        "MD5OfBody": copy.md5(),
        "Body": copy.body,
    }
    if shown:
        answer["Attributes"] = shown
    names = asked.get("MessageAttributeNames", [])
    chosen = {k: v for k, v in copy.attributes.items() if k in names or {"All", ".*"} & set(names)}
    if chosen:
        answer |= {"MessageAttributes": chosen, "MD5OfMessageAttributes": _md5_of(chosen)}
    return answer


def _md5_of(attributes: dict[str, Any]) -> str:
    """SQS's digest of message attributes: names, types and values with their lengths, sorted."""
    digest = hashlib.md5(usedforsecurity=False)
    for name, attribute in sorted(attributes.items()):
        text = attribute.get("StringValue")
        value = (
            base64.b64decode(attribute.get("BinaryValue", "")) if text is None else text.encode()
        )
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        digest.update(
            (b"\x01" if text is not None else b"\x02") + len(value).to_bytes(4, "big") + value
        )
    return digest.hexdigest()


def _between(name: str, value: Any, least: int, most: int) -> int:
    if not least <= int(value) <= most:
        reason = f"Must be >= {least} and <= {most}, if provided."
        raise AwsError(
            "InvalidParameterValue",
            f"Value {value} for parameter {name} is invalid. Reason: {reason}",
        )
    return int(value)
