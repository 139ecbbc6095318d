"""The renderer of responses: JSON by orjson, and by Python's own encoder what that refuses.

Payloads hold any JSON that could be stored, so the value of every number and text must come out as it
went in. Both encoders write the same bytes but for one case: a float of 1e16 or more, or below 1e-4, is
`1e16` instead of `1e+16`, and `1e-5` instead of `1e-05`, which are the same numbers. Integers beyond 64 bits
and nesting beyond orjson's limit are left to Python's encoder. NaN and infinity would become null; no
response holds one, because parsers refuse both and jsonb has neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

# A dataclass is refused, as by Python's encoder, so that its fields are not shown by accident.
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_other = JSONEncoder().default
# Line ends in JavaScript but not in JSON; DRF's renderer escapes them too.
_LINE_SEPARATOR, _PARAGRAPH_SEPARATOR = "\u2028".encode(), "\u2029".encode()


class FastJSONRenderer(JSONRenderer):
    """Renders `application/json` without white space, in UTF-8."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Returns the document, empty for None. Raises TypeError for what JSON cannot express."""
        if data is None:
            return b""
        try:
            text = orjson.dumps(data, default=_other, option=_OPTIONS)
        except orjson.JSONEncodeError:
            rendered: bytes = super().render(data, accepted_media_type, renderer_context)
            return rendered
        return text.replace(_LINE_SEPARATOR, rb"\u2028").replace(_PARAGRAPH_SEPARATOR, rb"\u2029")
