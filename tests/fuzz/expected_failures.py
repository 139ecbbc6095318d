"""Failures of schemathesis checks that are expected, and findings that are still open."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from schemathesis import Response
from schemathesis.core.failures import Failure

from approvals.api import schema

# 422 for data that fits the schema: what no schema can say. By the place the problem document names.
EXPECTED: dict[str, str] = {
    "parameter=cursor": "a cursor is signed by the list that gave it",
    "pointer=/edits": "edits follow the queue's own output schema, and go with an approval only",
    "pointer=/source": "which buckets may be read is this installation's own setting",
    "pointer=/until": "whether a time is still to come, and before the deadline, is no matter of shape",
    "pointer=/to": "whether somebody of this e-mail may decide here is no matter of shape",
}
# strict_json, at any place of a body; and which characters are printable is a table, not a pattern.
UNSTORABLE = (
    "A number is longer",
    "A text holds",
    "A key holds",
    "order_id has over 256 or unprint",
    "This review is open: only one that cannot be proved",  # the review's status, not the request
    "This review has been escalated already",
    "Give either orders or a source",  # as below
    "Give either task_token or review_id",  # schemathesis overlooks `oneOf` once in 5,000 cases
)
# check, operation, the message: reported to the engineer of that file; when mended, its line goes.
OPEN: tuple[tuple[str, str, str, str], ...] = ()


def is_expected(failure: Failure, response: Response) -> bool:
    """Whether this refusal of valid data is one that only the service can know to make."""
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 422:
        return False
    problem: dict[str, Any] = json.loads(response.content)
    if problem.get("header") == "If-Match":
        return _is_unquoted(response)
    if problem["code"] == "idempotency_mismatch" or response.request.url.endswith("/replay/"):
        return True
    if problem["detail"].startswith(UNSTORABLE):
        return True
    places = {f"parameter={problem.get('parameter')}", f"pointer={problem.get('pointer')}"}
    return bool(places & EXPECTED.keys())


def _is_unquoted(response: Response) -> bool:
    """Whether If-Match is not what the document says, and so refused rightly.

    Where the pattern of a header has quotes in it, schemathesis 4.32.5 sends `0` at its edges and
    calls that valid.
    """
    sent = response.request.headers.get("If-Match", "")
    sent = sent.decode() if isinstance(sent, bytes) else sent
    pattern = cast("dict[str, str]", schema.IF_MATCH.type)["pattern"]
    return re.search(pattern, sent) is None


def open_finding(check: str, operation: str, message: str) -> str:
    """The name under which a finding is known, or nothing."""
    for name, place, pattern, what in OPEN:
        if name == check and re.search(place, operation) and re.search(pattern, message):
            return what
    return ""
