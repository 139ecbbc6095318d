"""AWS's refusals, in the wire format botocore parses."""

from __future__ import annotations

import json

# SQS speaks JSON but keeps the codes of its old query protocol, in a header of their own.
_QUERY_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
}
_SHARED_BY_ALL = ("AccessDeniedException", "ExpiredTokenException", "ThrottlingException")


class AwsError(Exception):
    """An error answer: AWS's code, its sentence and the HTTP status (400 unless AWS itself failed)."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def wire(self, service: str) -> tuple[dict[str, str], bytes]:
        """The extra headers and the body, as this service (`sqs` or `states`) writes them."""
        headers, kind = {}, self.code
        if service == "sqs":
            at_fault = "Sender" if self.status < 500 else "Receiver"
            headers["x-amzn-query-error"] = f"{_QUERY_CODES.get(kind, kind)};{at_fault}"
            space = "coral.service" if kind in _SHARED_BY_ALL else "sqs"
            kind = f"com.amazonaws.{space}#{kind}"
        return headers, json.dumps({"__type": kind, "message": self.message}).encode()


def too_long(member: str, most: int) -> AwsError:
    """AWS's error for a member over its maximum length; it never repeats a sensitive value."""
    return _validation(member, f"length less than or equal to {most}")


def too_short(member: str) -> AwsError:
    """AWS's error for an empty member that must not be empty."""
    return _validation(member, "length greater than or equal to 1")


def missing(member: str) -> AwsError:
    """AWS's error for a required member that is absent."""
    return AwsError("ValidationException", f"{_DETECTED}{member}{_FAILED}Member must not be null")


_DETECTED = "1 validation error detected: Value at '"
_FAILED = "' failed to satisfy constraint: "


def _validation(member: str, rule: str) -> AwsError:
    return AwsError("ValidationException", f"{_DETECTED}{member}{_FAILED}Member must have {rule}")
