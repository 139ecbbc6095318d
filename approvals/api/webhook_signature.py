"""Who has signed a webhook call: Standard Webhooks v1, read more strictly than its library reads it.

The specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
The library's own `verify` takes any float for a timestamp, lets errors of base64 escape and stops at
the first signature that fits, so only its `sign` is used here, and what it says is compared whole.
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

MAX_BODY = 65_536  # bytes; nothing longer is ever hashed
TOLERANCE = 300.0  # seconds, either way; the specification leaves the number open, its libraries say 5 minutes
MOST_SIGNATURES = 10
USE_IS_NOTED_EVERY = timedelta(minutes=1)

# The grammar of the three headers, for the check here and for the OpenAPI document: the id is printable
# ASCII; a dot would end it in what is signed, and a comma is how a repeated header arrives.
ID_PATTERN = r"[!-+\-/-~]{1,255}"
TIMESTAMP_PATTERN = "[1-9][0-9]{0,10}"  # no leading zero, no sign: `sign` writes the number anew
_ONE = "[a-z0-9]{1,8},[A-Za-z0-9+/=_-]{1,128}"
SIGNATURES_PATTERN = f"{_ONE}( {_ONE}){{0,{MOST_SIGNATURES - 1}}}"


class NotSigned(ApprovalsError):
    """No active secret has signed this request, or its timestamp is more than five minutes off."""

    code = "not_authenticated"
    status = 401


@dataclass(frozen=True)
class Signed:
    """A call that an active secret has signed; `id` is the sender's own."""

    id: str
    secret: WebhookSecret

    @property
    def signer(self) -> str:
        """How decisions name who signed: all secrets of one name are one sender."""
        return f"webhook:{self.secret.name}"

    @property
    def principal(self) -> str:
        """Whose ids these are: a name that is given to another queue later is another sender's."""
        return f"{self.signer}:{self.secret.queue_id or 'all'}"


@dataclass(frozen=True)
class _Claim:
    id: str
    timestamp: int
    signatures: tuple[str, ...]
    body: str


_NOTHING = _Claim("", 0, ("",), "")
_NOBODY = Webhook(secrets.token_bytes(32))


def verified(headers: Mapping[str, str], body: bytes) -> Signed:
    """Who has signed these bytes, and under which id. Raises NotSigned, which never says why.

    Every active secret is compared, whatever fails first, and a stranger's key where there is none:
    how long it takes tells how many secrets there are at most, not what was wrong.
    """
    claim = _claim(headers, body)
    given = claim or _NOTHING
    fresh = abs(database_time.now().timestamp() - given.timestamp) <= TOLERANCE
    _signs(_NOBODY, given)
    signers = [secret for secret, key in _active() if _signs(key, given)]
    if claim is None or not fresh or not signers:
        why = "malformed" if claim is None else "unknown signature" if fresh else "stale"
        log.warning("webhook.refused", why=why)
        raise NotSigned
    _note_use(signers[0])
    return Signed(claim.id, signers[0])


def _claim(headers: Mapping[str, str], body: bytes) -> _Claim | None:
    """What the headers say; None where one is missing or is not written as it should be."""
    identity = re.fullmatch(ID_PATTERN, headers.get("webhook-id", ""))
    timestamp = re.fullmatch(TIMESTAMP_PATTERN, headers.get("webhook-timestamp", ""))
    signatures = re.fullmatch(SIGNATURES_PATTERN, headers.get("webhook-signature", ""))
    if identity is None or timestamp is None or signatures is None:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None  # senders sign text: nobody has signed this
    return _Claim(identity[0], int(timestamp[0]), tuple(signatures[0].split(" ")), text)


def _active() -> Iterator[tuple[WebhookSecret, Webhook]]:
    """Every secret that has not been revoked, the oldest first; one that no key opens is passed over."""
    for secret in WebhookSecret.objects.filter(revoked_at=None).order_by("created_at", "pk"):
        try:
            plain = tokens.unseal(secret.sealed_secret, row=secret.pk, column="sealed_secret")
        except KeyMissing:
            log.error("webhook.secret_unreadable", secret=str(secret.pk), name=secret.name)  # noqa: TRY400
        else:
            yield secret, Webhook(plain.decode())


def _signs(key: Webhook, claim: _Claim) -> bool:
    """Whether one of the signatures is this key's, letter by letter: base64 has several spellings."""
    expected = key.sign(claim.id, datetime.fromtimestamp(claim.timestamp, UTC), claim.body)
    compared = [hmac.compare_digest(expected, signature) for signature in claim.signatures]
    return any(compared)


def _note_use(secret: WebhookSecret) -> None:
    """When a secret was last used, to the minute: enough to see that an old one is out of use."""
    long_ago = timezone.now() - USE_IS_NOTED_EVERY
    if secret.last_used_at is None or secret.last_used_at < long_ago:
        WebhookSecret.objects.filter(pk=secret.pk).update(last_used_at=Now())
