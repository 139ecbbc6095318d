"""Verifies the signature of a webhook request: Standard Webhooks v1, stricter than its own library.

The specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
The library's own `verify` takes any float for a timestamp, lets base64 errors escape and stops at the
first signature that matches, so only its `sign` is used, and its result is compared as a whole.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks import Webhook

from approvals.exceptions import ApprovalsError, KeyMissing
from approvals.models import WebhookSecret
from approvals.records import database_time, tokens

log = structlog.get_logger(__name__)

MAX_BODY = 65_536  # bytes; longer bodies are refused before they are hashed
TOLERANCE = 300.0  # seconds in both directions; not in the specification, but in all its libraries
MAX_SIGNATURES = 10
LAST_USED_ACCURACY = timedelta(minutes=1)

# The grammar of the three headers, for the check here and for the OpenAPI document: the id is printable
# ASCII; a dot would end it in what is signed, and a comma is how a repeated header arrives.
ID_PATTERN = r"[!-+\-/-~]{1,255}"
TIMESTAMP_PATTERN = "[1-9][0-9]{0,10}"  # no leading zero, no sign: `sign` writes the number anew
_ONE = "[a-z0-9]{1,8},[A-Za-z0-9+/=_-]{1,128}"
SIGNATURES_PATTERN = f"{_ONE}( {_ONE}){{0,{MAX_SIGNATURES - 1}}}"


class NotSigned(ApprovalsError):
    """No active secret has signed this request, or its timestamp is more than five minutes off."""

    code = "not_authenticated"
    status = 401


@dataclass(frozen=True)
class Signed:
    """A request that an active secret has signed; `id` is its webhook-id."""

    id: str
    secret: WebhookSecret

    @property
    def signer(self) -> str:
        """The sender as votes and decisions store it: all secrets of one name are one sender."""
        return f"webhook:{self.secret.name}"

    @property
    def principal(self) -> str:
        """The namespace of webhook ids: a name that is bound to another queue later is another sender."""
        return f"{self.signer}:{self.secret.queue_id or 'all'}"


@dataclass(frozen=True)
class _SignedHeaders:
    id: str
    timestamp: int
    signatures: tuple[str, ...]
    body: str


_PLACEHOLDER = _SignedHeaders("", 0, ("",), "")
_UNKNOWN_KEY = Webhook(secrets.token_bytes())


def verified(headers: Mapping[str, str], body: bytes) -> Signed:
    """Returns which secret has signed this body, and the request's id. Raises NotSigned for any failure.

    The signatures are compared with every active secret and with a random key, whatever failed
    before: the time that this takes depends on the number of secrets, not on what was wrong.
    """
    signed = _parsed(headers, body)
    compared = signed or _PLACEHOLDER
    fresh = abs(database_time.now().timestamp() - compared.timestamp) <= TOLERANCE
    _signs(_UNKNOWN_KEY, compared)
    signers = [secret for secret, key in _active() if _signs(key, compared)]
    if signed is None:
        why = "malformed"
    elif not fresh:
        why = "stale"
    elif not signers:
        why = "unknown signature"
    else:
        _record_use(signers[0])
        return Signed(signed.id, signers[0])
    log.warning("webhook.refused", why=why)
    raise NotSigned


def _parsed(headers: Mapping[str, str], body: bytes) -> _SignedHeaders | None:
    """Returns the values of the three headers, None if one is missing or malformed."""
    identity = re.fullmatch(ID_PATTERN, headers.get("webhook-id", ""))
    timestamp = re.fullmatch(TIMESTAMP_PATTERN, headers.get("webhook-timestamp", ""))
    signatures = re.fullmatch(SIGNATURES_PATTERN, headers.get("webhook-signature", ""))
    if identity is None or timestamp is None or signatures is None:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None  # what is signed is text, so this body cannot be signed
    return _SignedHeaders(identity[0], int(timestamp[0]), tuple(signatures[0].split(" ")), text)


def _active() -> Iterator[tuple[WebhookSecret, Webhook]]:
    """Yields the secrets that are not revoked, oldest first; one that no key opens is logged and skipped."""
    for secret in WebhookSecret.objects.filter(revoked_at=None).order_by("created_at", "pk"):
        try:
            plain = tokens.unseal(secret.sealed_secret, row=secret.pk, column="sealed_secret")
        except KeyMissing:
            log.error("webhook.secret_unreadable", secret=str(secret.pk), name=secret.name)  # noqa: TRY400
        else:
            yield secret, Webhook(plain.decode())


def _signs(key: Webhook, signed: _SignedHeaders) -> bool:
    """Returns whether one of the signatures is this key's; as text, since base64 has several spellings."""
    expected = key.sign(signed.id, datetime.fromtimestamp(signed.timestamp, UTC), signed.body)
    compared = [hmac.compare_digest(expected, signature) for signature in signed.signatures]
    return any(compared)


def _record_use(secret: WebhookSecret) -> None:
    """Store when a secret was last used, at most once a minute: it shows which secrets are out of use."""
    before = timezone.now() - LAST_USED_ACCURACY
    if secret.last_used_at is None or secret.last_used_at < before:
        WebhookSecret.objects.filter(pk=secret.pk).update(last_used_at=Now())
