"""Sealed secrets: bound to their row and column, opened with every key of the ring, refused when altered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from approvals.exceptions import KeyMissing
from approvals.messages import TaskToken
from approvals.records import tokens

ROW = uuid4()
OLD, NEW = bytes(range(32)), bytes(range(64, 96))


def seal(plain: bytes = b"secret", **where: Any) -> bytes:
    return tokens.seal(plain, **{"row": ROW, "column": "sealed_token", **where})


def unseal(sealed: bytes, **where: Any) -> bytes:
    return tokens.unseal(sealed, **{"row": ROW, "column": "sealed_token", **where})


@pytest.mark.parametrize("plain", [b"", b"x", "é🙂".encode(), bytes(1_048_576)])
def test_what_was_sealed_is_read_again_and_does_not_show(plain: bytes) -> None:
    sealed = seal(plain)

    assert unseal(memoryview(sealed)) == plain
    assert len(plain) < 8 or plain not in sealed


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
