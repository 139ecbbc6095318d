"""A program that signs webhooks by the letter of the specification, without the library the product uses."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import time
from typing import Any

from django.test import Client

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.models import IdempotencyKey, ReviewTask

PATH = "/api/v1/webhooks/decision/"
_ids = itertools.count(1)


class Sender:
    """Holds a secret and sends signed requests, with the time of now unless another is given."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.client = Client(raise_request_exception=False)

    def signature(self, identity: str, at: int | str, body: bytes) -> str:
        """`v1,` and the base64 of the MAC."""
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.digest(key, f"{identity}.{at}.".encode() + body, "sha256")
        return "v1," + base64.b64encode(mac).decode()

    def headers(
        self, body: bytes, identity: str | None = None, at: int | str | None = None
    ) -> dict[str, str]:
        """The three headers of a signed call."""
        identity = identity or f"msg-{next(_ids)}"
        at = int(time.time()) if at is None else at
        return {
            "webhook-id": identity,
            "webhook-timestamp": str(at),
            "webhook-signature": self.signature(identity, at, body),
        }

    def send(
        self,
        body: Any,
        identity: str | None = None,
        *,
        at: int | str | None = None,
        **changed: str | None,
    ) -> Any:
        """The answer to a signed call; `changed` replaces headers after signing, None removes one."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = self.headers(raw, identity, at)
        headers |= {f"webhook-{name}": value for name, value in changed.items()}
        return self.post(raw, {name: value for name, value in headers.items() if value is not None})

    def post(self, raw: bytes, headers: dict[str, str]) -> Any:
        """The answer to these bytes under these headers."""
        return self.client.generic("POST", PATH, raw, "application/json", headers=headers)


def issue(name: str = "erp", queue: str | None = None) -> Sender:
    """A sender with a fresh secret of this name."""
    return Sender(credentials.issue_secret(name, queue, by=COMMAND_LINE))


def about(review: ReviewTask, **changed: Any) -> dict[str, Any]:
    """A body that approves this review for Alice."""
    body = {"review_id": str(review.pk), "approved": True, "reviewer_email": "alice@example.com"}
    return body | changed


def kept(sender_name: str = "erp") -> int:
    """How many idempotency keys are stored for a sender."""
    rows = IdempotencyKey.objects.filter(principal__startswith=f"webhook:{sender_name}:")
    return rows.count()
