"""The text of a file: gzip and UTF-16 are opened in pieces of any size, other formats are named."""

from __future__ import annotations

import gzip
import io

import pytest

from approvals.orchestration.batches import encodings
from approvals.orchestration.batches.encodings import NotTextError

TEXT = "order_id,note\n1,größe\n2,😀\n"


def read(content: bytes, size: int, taken: list[int] | None = None) -> str:
    stream, pieces = encodings.opened(io.BytesIO(content)), []
    while piece := stream.read(size):
        pieces.append(piece)
        if taken is not None:
            taken.append(len(piece))
    return b"".join(pieces).decode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode("utf-8-sig"), mtime=0),
        gzip.compress(TEXT.encode("utf-16"), mtime=0),
        gzip.compress(TEXT[:10].encode(), mtime=0) + gzip.compress(TEXT[10:].encode(), mtime=0),
    ],
)
def test_text_is_read_alike_in_pieces_of_any_size(content: bytes, size: int) -> None:
    assert read(content, size) == TEXT


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (TEXT.encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04 and more", ".xlsx"),
        (b"%PDF-1.7", "a PDF"),
        (gzip.compress(b"x" * 1_000, mtime=0)[:-9], "breaks off"),
        (gzip.compress(b"x" * 1_000, mtime=0)[:-8] + b"damaged!", "damaged"),
        (gzip.compress(b"x", mtime=0) + b"more", "damaged"),
        (b"\x1f\x8b\x09 is no gzip", "damaged"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, what: str) -> None:
    with pytest.raises(NotTextError, match=what):
        read(content, 100)


def test_a_file_that_unpacks_to_far_more_is_given_up_early() -> None:
    packed = gzip.compress(b"\n" * 60_000_000, mtime=0)
    taken: list[int] = []

    with pytest.raises(NotTextError, match="200 times"):
        read(packed, 65_536, taken)

    assert sum(taken) < 20_000_000


def test_half_of_a_surrogate_pair_or_of_a_character_is_no_utf_8() -> None:
    for broken in (b"\xff\xfe" + b"a\0" + b"\x00\xd8" + b"b\0", b"\xff\xfe" + b"a\0b"):
        with pytest.raises(UnicodeDecodeError):
            read(broken, 100)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize("code", ["latin-1", "cp1252", "cp1251", "mac-roman"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_in_a_code_page_is_refused_once_and_names_its_line(
    size: int, code: str, end: str
) -> None:
    text = "Пр" if code == "cp1251" else "größe"
    content = end.join(["order_id,note", "1,plain", f"2,{text}", f"3,{text}", ""]).encode(code)

    with pytest.raises(NotTextError, match="not UTF-8: line 3 ") as refused:
        read(content, size)

    assert refused.value.line == 3


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize("character", ["é", "€", "😀", "ÿ"])
def test_a_broken_row_after_a_character_of_utf_8_is_left_to_its_reader(
    size: int, character: str
) -> None:
    content = f"order_id,note\n1,{character}\n".encode() + b"2,gr\xf6\xdfe\n3,a\n"

    stream, found = encodings.opened(io.BytesIO(content)), b""
    while piece := stream.read(size):
        found += piece

    assert found == content


def test_a_byte_that_is_a_letter_nowhere_is_left_to_its_reader() -> None:
    content = b"order_id,note\n1,\xff\n2,\x81\n"

    stream, found = encodings.opened(io.BytesIO(content)), b""
    while piece := stream.read(100):
        found += piece

    assert found == content


def test_a_whole_file_is_text_or_says_why_not() -> None:
    assert encodings.text(TEXT.encode("utf-16")) == TEXT
    with pytest.raises(NotTextError, match="not UTF-8"):
        encodings.text(TEXT.encode("latin-1", "ignore"))
    assert encodings.beginning(gzip.compress(b"[" + b"x" * 100_000, mtime=0)[:40])[:1] == b"["
