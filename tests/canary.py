"""A task token that is recognised wherever it appears, in any encoding."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from django.db import connection

CANARY = "AQCEAAAAKgAAAAMAAAAAAAAAAcanary/task+token/never/to/be/seen+anywhere=="


def spellings(token: str = CANARY) -> set[bytes]:
    """The token in encodings in which it could leak unnoticed."""
    plain = token.encode()
    shifted = {base64.b64encode(b"x" * shift + plain)[4 * shift : -8] for shift in range(3)}
    return {
        plain,
        plain[8:-8],
        plain[::-1],
        plain.hex().encode(),
        quote(token, safe="").encode(),
        json.dumps(token)[1:-1].replace("/", "\\/").encode(),
        token.replace("+", "\\u002b").encode(),
        *shifted,
        *(form.replace(b"+", b"-").replace(b"/", b"_") for form in shifted),
    }


def assert_no_canary(text: str | bytes, token: str = CANARY) -> None:
    """Fail if the token is in `text`, also reversed, escaped, or in base64 or hexadecimal digits."""
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else bytes(text)
    for spelling in spellings(token):
        place = raw.find(spelling)
        assert place < 0, f"a task token stands here: ...{raw[max(0, place - 80) : place]!r}[HERE]"


def everything_stored() -> bytes:
    """Every row of every table of the database, as text; bytes appear as hexadecimal digits."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608  (names of our own tables)
            rows += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(rows).encode()
