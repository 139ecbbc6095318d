"""Task tokens and raw bodies at rest: sealed with AES-256-GCM; tokens are found by fingerprint.

A sealed value is bound to its row and column, so that it cannot be opened in another. Its bytes are:
version (1), length of the key id (1), key id, nonce (12), then the ciphertext with its tag.
"""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from approvals.exceptions import KeyMissing
from approvals.messages import TaskToken
from approvals.models import ReviewTask
from approvals.untrusted import redaction

VERSION = 1
NONCE_BYTES = 12


def fingerprint(token: TaskToken) -> bytes:
    """The 32 bytes by which a token is found: a domain-separated SHA-256."""
    return hashlib.sha256(b"countersign task token 1\0" + token.reveal().encode()).digest()


def redacted(text: str, review: ReviewTask) -> str:
    """A text about a review, with the review's task token redacted if the text has it.

    The stored token is not unsealed: each candidate in the text is compared by its fingerprint.
    """
    return redaction.redact_matching(
        text, lambda run: fingerprint(TaskToken(run)) == bytes(review.token_fingerprint)
    )


def seal(plain: bytes, *, row: UUID, column: str) -> bytes:
    """`plain` encrypted with the first key of TOKEN_KEYS, bound to `row` and `column`."""
    key_id, key = next(iter(settings.TOKEN_KEYS.items()))
    header = bytes([VERSION, len(key_id.encode())]) + key_id.encode()
    nonce = secrets.token_bytes(NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, plain, _bound(header, row, column))


def unseal(sealed: bytes | memoryview, *, row: UUID, column: str) -> bytes:
    """The bytes that were sealed. Raises KeyMissing for an unknown key id or bytes that were altered."""
    sealed = bytes(sealed)
    if len(sealed) < 2 or sealed[0] != VERSION:
        raise KeyMissing
    header, rest = sealed[: 2 + sealed[1]], sealed[2 + sealed[1] :]
    key = settings.TOKEN_KEYS.get(header[2:].decode(errors="replace"))
    if key is None:
        raise KeyMissing
    try:
        return AESGCM(key).decrypt(
            rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(header, row, column)
        )
    except (InvalidTag, ValueError):
        raise KeyMissing from None


def _bound(header: bytes, row: UUID, column: str) -> bytes:
    return header + row.bytes + column.encode()
