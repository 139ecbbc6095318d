"""The text of a source as UTF-8: gzip and UTF-16 are known by their first bytes, other encodings are refused.

A file in a code page (Latin-1, Windows-1252) is known by the first bytes above ASCII, if they are a text
there and no UTF-8: it is refused as a whole. A row that is broken in a file of UTF-8 is left to its reader.

Everything is read in pieces; what unpacks to far more than a file of orders does is refused, so that a
small file cannot keep a worker busy for long.
"""

from __future__ import annotations

import codecs
import gzip
import re
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
_ABOVE_ASCII = re.compile(rb"[\x80-\xff]+")
LONGEST_CHARACTER = 4  # bytes of UTF-8
# What Windows-1252 leaves undefined, and two letters that stand in hardly any language: no sign of a text.
_NO_LETTERS = frozenset(b"\x81\x8d\x8f\x90\x9d\xfe\xff")


class NotTextError(Exception):
    """The source cannot be read on; the text is a sentence that says why, `line` where, 0 if unknown."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


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
    return _InUtf8(begun.without(MARK))


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


class _InUtf8:
    """A stream of UTF-8. Raises NotTextError at a text in a code page, if nothing before it was UTF-8."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._is_known = stream, False
        self._line_feeds = self._returns = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        piece = self._stream.read(size)
        if self._is_known or piece.isascii():
            self._count(piece)
            return piece
        if piece[-1] >= 0x80:
            piece += self._rest_of_a_character()
        self._judge(piece)
        self._count(piece)
        return piece

    def _count(self, piece: bytes) -> None:
        self._line_feeds += piece.count(b"\n")
        self._returns += piece.count(b"\r")

    def _rest_of_a_character(self) -> bytes:
        """The bytes by which the last character of a piece is surely whole."""
        rest = b""
        while len(rest) < LONGEST_CHARACTER and (more := self._stream.read(LONGEST_CHARACTER)):
            rest += more
        return rest

    def _judge(self, piece: bytes) -> None:
        """Look at the characters above ASCII up to the first that tells. Raises NotTextError."""
        for run in _ABOVE_ASCII.finditer(piece):
            try:
                run[0].decode()
                valid = len(run[0])
            except UnicodeDecodeError as error:
                valid = error.start
            if valid:
                self._is_known = True
                return
            if not _NO_LETTERS & set(run[0]):
                self._count(piece[: run.start()])
                line = 1 + (self._line_feeds or self._returns)
                raise NotTextError(
                    f"The file is not UTF-8: line {line} has bytes of another encoding, such as"
                    " Windows-1252. Save it as UTF-8 and send it again.",
                    line,
                )


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
