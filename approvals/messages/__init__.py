"""Messages that ask for a review: from the text that SQS carries to a frozen ReviewRequest. Pure."""

from __future__ import annotations

from approvals.messages.envelopes import Extras, PointerNotRead
from approvals.messages.maps import FIELD_OF, NO_MAP, MessageMap
from approvals.messages.maps import read as read_map
from approvals.messages.review_requests import (
    MAX_TIMEOUT,
    NO_EXTRAS,
    Message,
    ReviewRequest,
    attributes_used,
    parse,
    read,
    token_of,
)
from approvals.messages.task_tokens import MAX_TOKEN, TaskToken

__all__ = [
    "FIELD_OF",
    "MAX_TIMEOUT",
    "MAX_TOKEN",
    "NO_EXTRAS",
    "NO_MAP",
    "Extras",
    "Message",
    "MessageMap",
    "PointerNotRead",
    "ReviewRequest",
    "TaskToken",
    "attributes_used",
    "parse",
    "read",
    "read_map",
    "token_of",
]
