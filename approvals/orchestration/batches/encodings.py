"""The text of a source as UTF-8: gzip and UTF-16 are known by their first bytes, other encodings are refused.

Everything is read in pieces; what unpacks to far more than a file of orders does is refused, so that a
small file cannot keep a worker busy for long.
"""

from __future__ import annotations

import codecs
import gzip
import zlib

from approvals.untrusted.json_stream import BLOCK, MARK, Stream

GZIP = b"\x1f\x8b"
LONGEST_MARK = 4  # bytes that tell the encoding
MOST_TIMES, ANYWAY = 200, 16_777_216  # unpacked bytes for each packed one, above so many
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
REFUSED = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet's own format, such as .xlsx",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "a spreadsheet's own format, such as .xls",
}


class NotTextError(Exception):
    """The source cannot be read on; the text is a sentence that says why."""


def opened(stream: Stream) -> Stream:
    """The source's text in UTF-8 without a byte order mark. Raises NotTextError, also while it is read."""
    begun = _Begun(stream)
    if begun.head.startswith(GZIP):
        begun = _Begun(_Unpacked(begun))
    for mark, what in REFUSED.items():
        if begun.head.startswith(mark):
            raise NotTextError(f"The file is {what}; orders are read from text in UTF-8 or UTF-16.")
    for mark, name in UTF_16.items():
        if begun.head.startswith(mark):
            return _Recoded(begun.without(mark), name)
    return begun.without(MARK)


def text(content: bytes) -> str:
    """A whole file as text. Raises NotTextError."""
    stream, pieces = opened(_Bytes(content)), []
    while piece := stream.read(BLOCK):
        pieces.append(piece)
    try:
        return b"".join(pieces).decode()
    except UnicodeDecodeError:
        raise NotTextError("The file is not UTF-8.") from None


def beginning(head: bytes) -> bytes:
    """The first bytes of a file as UTF-8, as far as they can be read."""
    found = b""
    try:
        stream = opened(_Bytes(head))
        while len(found) < len(head) and (piece := stream.read(len(head))):
            found += piece
    except NotTextError:
        pass  # a gzip file breaks off in its head
    return found


class _Bytes:
    """Bytes as a stream."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def read(self, size: int = BLOCK, /) -> bytes:
        piece = self._content[self._place : self._place + size]
        self._place += len(piece)
        return piece


class _Begun:
    """A stream whose first bytes have been looked at; `given` is how many of its bytes have been read."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.head, self.given = stream, b"", 0
        while len(self.head) < LONGEST_MARK and (
            more := stream.read(LONGEST_MARK - len(self.head))
        ):
            self.head += more
        self._ahead = self.head

    def without(self, mark: bytes) -> _Begun:
        """The same stream without this mark at its beginning."""
        self._ahead = self._ahead.removeprefix(mark)
        return self

    def read(self, size: int = BLOCK, /) -> bytes:
        piece = self._ahead[:size] or self._stream.read(size)
        self._ahead = self._ahead[size:]
        self.given += len(piece)
        return piece


class _Unpacked:
    """The content of a gzip file."""

    def __init__(self, packed: _Begun) -> None:
        self._packed, self._given = packed, 0
        self._file = gzip.GzipFile(fileobj=packed, mode="rb")  # type: ignore[call-overload]

    def read(self, size: int = BLOCK, /) -> bytes:
        try:
            piece: bytes = self._file.read(size)
        except EOFError:
            raise NotTextError("The gzip file breaks off.") from None
        except (OSError, zlib.error):
            raise NotTextError("The gzip file is damaged.") from None
        self._given += len(piece)
        if self._given > max(ANYWAY, MOST_TIMES * self._packed.given):
            raise NotTextError(f"The gzip file unpacks to over {MOST_TIMES} times its size.")
        return piece


class _Recoded:
    """UTF-16 as UTF-8. What is none becomes bytes that are no UTF-8, so that its row is refused."""

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ended = False

    def read(self, size: int = BLOCK, /) -> bytes:
        while not self._ended:
            piece = self._stream.read(size)
            self._ended = not piece
            try:
                found = self._decoder.decode(piece, final=self._ended)
            except UnicodeDecodeError:
                return b"\xff"  # half a character at the end
            if found:
                return found.encode("utf-8", "surrogatepass")
        return b""
