"""Texts for people's eyes and other programs' parsers, in every field that a page, a list or a file shows."""

from __future__ import annotations

from collections.abc import Iterator

from tests.abuse.corpus import REVIEW, Body, written

BIDI = [
    "\u202eevil",
    "\u202aleft",
    "\u2066isolate\u2069",
    "\u2067right\u2069",
    "\u200fmark",
    "a\u200bb",
    "a\u200d\u200cb",
    "\ufeffa",
    "\u2028line",
    "\u2029paragraph",
    "\U000e0041tag",
    "\u00adsoft",
    "Z" + "\u0301" * 10_000,
    "Z" + "\u0301\u0316" * 8_000,
    "\u3164",
    "\u115f",
    "\u180e",
    "e\u0301 \u00e9",
    "\U0001f468\u200d\U0001f469",
    "\u0131\u0130",
    "\ufb01",
    "\u202e" * 5_000,
]
LOOKALIKES = [
    "\u0410CME",
    "p\u0430ypal.example",
    "\uff11\uff12\uff13",
    "\u0661\u0662\u0663",
    "\u13a0\u13a2",
    "https://\u0430pple.example",
    "ada@ex\u0430mple.com",
    "\u1d400\u1d401",
    "\u2460",
    "O0oO0o",
    "1\u202f000",
    "1\u00a0000",
]
HTML = [
    "</script><script>alert(1)</script>",
    "{{7*7}}",
    "{% debug %}",
    '" onmouseover="alert(1)',
    "' autofocus onfocus=alert(1)//",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "<svg onload=alert(1)>",
    "<base href=//sink>",
    "<meta http-equiv=refresh content=0>",
    "<img src=//sink>",
    "<style>@import '//sink'</style>",
    '<a id="csrfmiddlewaretoken">',
    "<form action=//sink>",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "[x](javascript:alert(1))",
    "<!channel>",
    "<!--",
    "]]>",
    "<math><mtext></form><form><mglyph><style></math>",
    "<template><script>",
    "&lt;script&gt;",
    "\r\nBcc: x@example.com",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "' OR 1=1 --",
    "'; DROP TABLE approvals_vote; --",
    "%00%0d%0a",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "hx-get=/",
]
CSV = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =cmd",
    "\u00a0=cmd",
    "a\n=cmd",
    '"";=1',
    "=cmd|' /C calc'!A0",
    "%0A=1",
    "=" + "A" * 33_000,
    "007",
    "a;b,c\td",
    "\uff1d1",
    "'=1",
    "=1+1\u0000".replace("\0", ""),
]
KINDS = {"bidi": BIDI, "lookalike": LOOKALIKES, "html": HTML, "csv": CSV}
FIELDS = ("title", "orderId", "stateName", "error", "executionArn")


def bodies() -> Iterator[Body]:
    """Each text in every field, as a key, and as an error's cause."""
    for kind, texts in KINDS.items():
        for place, text in enumerate(texts):
            name = f"{place} {ascii(text)[:20]}"
            fields: dict[str, object] = dict.fromkeys(FIELDS, text)
            order = {"total": text, "currency": text, "customer": {"name": text}, "link": text}
            inner = order | {text: text, "items": [{text: text, "name": text}]}
            yield Body(kind, name, written(f"{kind} {name}", **fields, input=inner), REVIEW)
