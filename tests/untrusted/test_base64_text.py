"""Base64 in texts: what it holds, and how a secret is recognized in it."""

from __future__ import annotations

import base64
import gzip
import random

import pytest

from approvals.untrusted import base64_text

SECRET = "AQCEAAAAKgAAAAMA-secret"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "the token: "])
@pytest.mark.parametrize("after", ["", "x", "xy", " and more"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
@pytest.mark.parametrize("times", [1, 2])
def test_a_secret_leaves_a_trace_wherever_it_stands(
    before: str, after: str, encode: object, times: int
) -> None:
    packed = f"{before}{SECRET}{after}".encode()
    for _ in range(times):
        packed = encode(packed)  # type: ignore[operator]

    standard = base64_text.standard(packed.decode())

    assert any(trace in standard for trace in base64_text.traces(SECRET))


def test_another_text_has_no_trace_of_it() -> None:
    others = [b"another secret of this length", SECRET[:10].encode(), SECRET.lower().encode()]
    for other in others:
        standard = base64_text.standard(base64.b64encode(other).decode())
        assert not any(trace in standard for trace in base64_text.traces(SECRET))


def test_a_text_is_decoded_as_a_whole_or_not_at_all() -> None:
    packed = base64.encodebytes(b"what it holds, in several lines" * 9).decode()
    assert base64_text.decoded(packed) == b"what it holds, in several lines" * 9
    assert base64_text.decoded(packed.replace("\n", "\r\n ")) is not None
    for other in ("short", "{}", "not base64, a sentence", "é" * 20, packed + "!"):
        assert base64_text.decoded(other) is None


def test_what_is_compressed_is_unpacked_within_a_mebibyte() -> None:
    noise = random.Random(7).randbytes(16_384)
    most = noise + b"a" * (1_048_576 - len(noise))
    assert base64_text.inflated(gzip.compress(most)) == most
    with pytest.raises(base64_text.TooLargeError):
        base64_text.inflated(gzip.compress(most + b"a"))
    with pytest.raises(base64_text.BrokenError):
        base64_text.inflated(b"\x1f\x8bbroken")


def test_what_unpacks_to_far_more_than_its_size_is_refused_and_a_small_text_never_is() -> None:
    noise = random.Random(7).randbytes(base64_text.ANYWAY // 50)
    for text in (b"0" * base64_text.ANYWAY, noise + b"0" * base64_text.ANYWAY):
        assert base64_text.inflated(gzip.compress(text)) == text
    for text in (b"0" * (base64_text.ANYWAY + 1), b"0" * 900_000):
        with pytest.raises(base64_text.TooLargeError):
            base64_text.inflated(gzip.compress(text))
