"""The parser of request bodies: JSON that can be stored, and that has only one reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from approvals.api.errors import TooLarge, escaped
from approvals.exceptions import Invalid
from approvals.orchestration import order_amounts
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import MAX_BYTES, Unreadable


class StrictJSONParser(BaseParser):
    """Parses UTF-8 JSON as strictly as messages, and refuses repeated keys."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Returns the document. Raises Invalid with a JSON Pointer, or TooLarge."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge(f"The body has over {MAX_BYTES} bytes.")
        if len(body) < _content_length(parser_context):
            raise Invalid("The body is shorter than its Content-Length.", pointer="")
        try:
            return self.read(body.decode())
        except UnicodeDecodeError:
            raise Invalid("The body is not UTF-8.", pointer="") from None
        except Unreadable as error:
            pointer = "".join(f"/{escaped(str(step))}" for step in error.place)
            raise Invalid(error.explanation, pointer=pointer) from None

    def read(self, text: str) -> Any:
        """Returns the document in a body. Raises Unreadable."""
        return strict_json.read(text)


class OrderParser(StrictJSONParser):
    """As strict; numbers remember how they were written, because an amount may be one."""

    def read(self, text: str) -> Any:
        """As StrictJSONParser's."""
        return order_amounts.read(text)


def _content_length(context: Mapping[str, Any] | None) -> int:
    """Returns the Content-Length, 0 if unknown: a truncated body may still be valid JSON."""
    request = (context or {}).get("request")
    length = request.META.get("CONTENT_LENGTH", "") if request is not None else ""
    return int(length) if str(length).isdecimal() else 0
