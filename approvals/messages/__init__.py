"""Messages that ask for a review: from the text that SQS carries to a frozen ReviewRequest. Pure."""

from __future__ import annotations

from approvals.messages.requests import MAX_TIMEOUT, ReviewRequest, parse, token_of
from approvals.messages.task_tokens import MAX_TOKEN, TaskToken

__all__ = ["MAX_TIMEOUT", "MAX_TOKEN", "ReviewRequest", "TaskToken", "parse", "token_of"]
