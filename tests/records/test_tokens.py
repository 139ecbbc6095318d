"""Sealed secrets: bound to their row and column, opened with every key of the ring, refused when altered."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from approvals.actions import decisions, discussion
from approvals.exceptions import KeyMissing
from approvals.messages import TaskToken
from approvals.models import Comment, Decision, User
from approvals.models.choices import Outcome
from approvals.records import tokens
from approvals.untrusted import redaction
from tests import factories
from tests.factories import actor

ROW = uuid4()
LIKE_AWS = "AQCEAAAAKgAAAAMAAAAA" + "Abc+/deFGH12" * 40 + "=="
OLD, NEW = bytes(range(32)), bytes(range(64, 96))


def seal(plain: bytes = b"secret", **where: Any) -> bytes:
    return tokens.seal(plain, **{"row": ROW, "column": "sealed_token", **where})


def unseal(sealed: bytes | memoryview, **where: Any) -> bytes:
    return tokens.unseal(sealed, **{"row": ROW, "column": "sealed_token", **where})


@pytest.mark.parametrize("plain", [b"", b"x", "é🙂".encode(), bytes(1_048_576)])
def test_what_was_sealed_is_read_again_and_does_not_show(plain: bytes) -> None:
    sealed = seal(plain)

    assert unseal(memoryview(sealed)) == plain
    assert len(plain) < 8 or plain not in sealed


@pytest.mark.parametrize(
    "plain", [b"", b"x", bytes(range(256)), b"\xff" * 1_048_576, tokens.BODY, b"{" + tokens.BODY]
)
def test_a_body_is_sealed_no_longer_than_it_is_and_read_again(plain: bytes) -> None:
    sealed = tokens.seal_body(plain, row=ROW, column="raw_body")

    assert unseal(sealed, column="raw_body") == plain
    assert len(sealed) <= len(tokens.seal(plain, row=ROW, column="raw_body"))


def test_the_body_of_an_ordinary_message_takes_two_thirds_of_its_length_or_less() -> None:
    plain = factories.received(taskToken=LIKE_AWS).body.encode()

    sealed = tokens.seal_body(plain, row=ROW, column="raw_body")

    assert sealed[0] == tokens.COMPRESSED
    assert len(sealed) < len(plain) * 2 / 3


def test_a_compressed_body_cannot_be_passed_off_as_one_that_is_not() -> None:
    sealed = bytearray(tokens.seal_body(b"x" * 100, row=ROW, column="raw_body"))
    sealed[0] = tokens.VERSION

    with pytest.raises(KeyMissing):
        unseal(bytes(sealed), column="raw_body")


def test_bodies_that_earlier_releases_sealed_are_still_read() -> None:
    header = b"\x01\x02k2"
    nonce, bound = bytes(12), header + ROW.bytes + b"raw_body"
    sealed = header + nonce + AESGCM(bytes(range(40, 72))).encrypt(nonce, b'{"a": 1}', bound)
    compressed = b"\x02" + sealed[1:]

    assert unseal(sealed, column="raw_body") == b'{"a": 1}'
    with pytest.raises(KeyMissing):
        unseal(compressed, column="raw_body")


def test_the_dictionary_of_compressed_bodies_never_changes() -> None:
    digest = hashlib.sha256(tokens.BODY).hexdigest()

    assert digest == "b596a5c0894a9c0a5d8e6b55f782de223bb65ab4eb07adf3d5aeb7268f111137", (
        "stored bodies need it: add a version with another one"
    )


def test_a_value_moved_to_another_row_or_column_cannot_be_read() -> None:
    sealed = seal()

    for elsewhere in ({"row": uuid4()}, {"column": "raw_body"}):
        with pytest.raises(KeyMissing):
            unseal(sealed, **elsewhere)


def test_every_altered_bit_and_every_cut_is_noticed() -> None:
    sealed = seal()

    for place in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(KeyMissing):
            unseal(bytes(altered))
    for length in range(len(sealed)):
        with pytest.raises(KeyMissing):
            unseal(sealed[:length])


def test_an_unknown_key_is_a_refusal_that_holds_no_secret(settings: Any) -> None:
    sealed = seal(b"a recognisable secret")
    settings.TOKEN_KEYS = {"another": NEW}

    with pytest.raises(KeyMissing) as refused:
        unseal(sealed)

    assert "recognisable" not in str(refused.value)
    assert refused.value.code == "key_missing"


def test_after_a_rotation_the_first_key_writes_and_all_of_them_read(settings: Any) -> None:
    settings.TOKEN_KEYS = {"old": OLD}
    before = seal(b"before")
    settings.TOKEN_KEYS = {"new": NEW, "old": OLD}
    after = seal(b"after")

    assert (unseal(before), unseal(after)) == (b"before", b"after")
    assert (before[2:5], after[2:5]) == (b"old", b"new")
    settings.TOKEN_KEYS = {"new": NEW}
    assert unseal(after) == b"after"
    with pytest.raises(KeyMissing):
        unseal(before)


def test_a_key_id_that_now_names_another_key_reads_nothing(settings: Any) -> None:
    settings.TOKEN_KEYS = {"k": OLD}
    sealed = seal()
    settings.TOKEN_KEYS = {"k": NEW}

    with pytest.raises(KeyMissing):
        unseal(sealed)


def test_no_nonce_is_used_twice() -> None:
    start = 2 + seal()[1]
    nonces = {seal(b"")[start : start + tokens.NONCE_BYTES] for _ in range(20_000)}

    assert len(nonces) == 20_000


def test_a_fingerprint_is_of_the_whole_token_and_of_nothing_else() -> None:
    one, other = TaskToken("token"), TaskToken("token=")

    assert tokens.fingerprint(one) == tokens.fingerprint(TaskToken("token"))
    assert tokens.fingerprint(one) != tokens.fingerprint(other)
    assert len(tokens.fingerprint(one)) == 32


@pytest.mark.django_db
@pytest.mark.parametrize("around", ["{}", "call for {} failed", "token={}.", "({}):"])
def test_a_token_in_a_reason_or_a_comment_is_redacted(around: str, alice: User) -> None:
    review = factories.review(taskToken=LIKE_AWS)
    text = around.format(LIKE_AWS)
    discussion.comment(review.pk, text, by=actor(alice, "api"))
    request = decisions.DecisionRequest(reason=text, undo_seconds=0)
    decisions.decide(review.pk, Outcome.REJECTED, by=actor(alice, "api"), request=request)
    decision = Decision.objects.get()
    for kept in (Comment.objects.get().text, decision.reason, bytes(decision.callback).decode()):
        assert LIKE_AWS not in kept
        assert redaction.PLACEHOLDER in kept


@pytest.mark.django_db
def test_what_merely_looks_like_a_token_stays_as_it_was_written(alice: User) -> None:
    review = factories.review(taskToken=LIKE_AWS)
    text = "See https://wiki.example.com/orders/how-to-reject-politely-and-quickly."
    discussion.comment(review.pk, text, by=actor(alice, "api"))
    assert Comment.objects.get().text == text
