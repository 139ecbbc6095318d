"""JSON that can be stored and cannot be read two ways: what is neither is refused before any view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from approvals.api.errors import TooLarge, escaped
from approvals.exceptions import Invalid
from approvals.untrusted import strict_json
from approvals.untrusted.strict_json import MAX_BYTES, Unreadable


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as strict as a message's, and without a key that stands twice."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The document; raises Invalid with the place, or TooLarge."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge(f"The body has over {MAX_BYTES} bytes.")
        if len(body) < _promised(parser_context):
            raise Invalid("The body broke off: it is shorter than its Content-Length.", pointer="")
        try:
            return strict_json.read(body.decode())
        except UnicodeDecodeError:
            raise Invalid("The body is not UTF-8.", pointer="") from None
        except Unreadable as error:
            pointer = "".join(f"/{escaped(str(step))}" for step in error.place)
            raise Invalid(error.explanation, pointer=pointer) from None


def _promised(context: Mapping[str, Any] | None) -> int:
    """How long the body should be. A line that was cut may have cut it where it still is JSON."""
    request = (context or {}).get("request")
    length = request.META.get("CONTENT_LENGTH", "") if request is not None else ""
    return int(length) if str(length).isdecimal() else 0
