"""Task tokens and raw bodies at rest: sealed with AES-256-GCM; tokens are found by fingerprint.

A sealed value is bound to its row and column, so that it cannot be opened in another. Its bytes are:
version (1), length of the key id (1), key id, nonce (12), then the ciphertext with its tag. What version 2
holds is compressed: a raw DEFLATE stream that begins with the preset dictionary BODY, which never changes.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Collection
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from approvals.exceptions import KeyMissing
from approvals.messages import TaskToken
from approvals.models import ReviewTask
from approvals.untrusted import redaction

VERSION, COMPRESSED = 1, 2
NONCE_BYTES = 12
# What messages have in common: without it, an ordinary one of 1.4 KB takes 955 bytes, with it 848.
BODY = (
    b'{"schemaVersion":"1","taskToken":"AQC","orderId":"","error":{"Error":"","Cause":"{'
    b'\\"errorMessage\\":\\"\\",\\"errorType\\":\\"\\"}"},"executionArn":"arn:aws:states:us-east-1:",'
    b'"stateMachineArn":":stateMachine:","executionName":":execution:","stateName":"ManualReview",'
    b'"timeoutSeconds":3600,"input":{"order_id":"","customer":{"name":"","email":""},"total":,'
    b'"currency":"EUR","items":[{"sku":"","name":"","quantity":1,"price":'
)


def fingerprint(token: TaskToken) -> bytes:
    """The 32 bytes by which a token is found: a domain-separated SHA-256."""
    return hashlib.sha256(b"countersign task token 1\0" + token.reveal().encode()).digest()


def redacted(text: str, review: ReviewTask) -> str:
    """A text about a review, with the review's task token redacted if the text has it.

    The stored token is not unsealed: each candidate in the text is compared by its fingerprint.
    """
    # Read only for a candidate, because most reviews are loaded without it.
    return redaction.redact_matching(
        text, lambda run: fingerprint(TaskToken(run)) == bytes(review.token_fingerprint)
    )


def redacted_of_any(text: str, fingerprints: Collection[bytes]) -> str:
    """A text with those task tokens redacted that have one of these fingerprints."""
    return redaction.redact_matching(text, lambda run: fingerprint(TaskToken(run)) in fingerprints)


def seal(plain: bytes, *, row: UUID, column: str) -> bytes:
    """`plain` encrypted with the first key of TOKEN_KEYS, bound to `row` and `column`."""
    return _sealed(VERSION, plain, row, column)


def seal_body(plain: bytes, *, row: UUID, column: str) -> bytes:
    """As `seal`, compressed first, if that makes it shorter: for the body of a message."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=BODY)
    packed = packer.compress(plain) + packer.flush()
    if len(packed) < len(plain):
        return _sealed(COMPRESSED, packed, row, column)
    return _sealed(VERSION, plain, row, column)


def unseal(sealed: bytes | memoryview, *, row: UUID, column: str) -> bytes:
    """The bytes that were sealed. Raises KeyMissing for an unknown key id or bytes that were altered."""
    sealed = bytes(sealed)
    if len(sealed) < 2 or sealed[0] not in (VERSION, COMPRESSED):
        raise KeyMissing
    header, rest = sealed[: 2 + sealed[1]], sealed[2 + sealed[1] :]
    key = settings.TOKEN_KEYS.get(header[2:].decode(errors="replace"))
    if key is None:
        raise KeyMissing
    try:
        plain = AESGCM(key).decrypt(
            rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(header, row, column)
        )
    except (InvalidTag, ValueError):
        raise KeyMissing from None
    if sealed[0] == VERSION:
        return plain
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=BODY).decompress(plain)


def _sealed(version: int, plain: bytes, row: UUID, column: str) -> bytes:
    key_id, key = next(iter(settings.TOKEN_KEYS.items()))
    header = bytes([version, len(key_id.encode())]) + key_id.encode()
    nonce = secrets.token_bytes(NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, plain, _bound(header, row, column))


def _bound(header: bytes, row: UUID, column: str) -> bytes:
    return header + row.bytes + column.encode()
