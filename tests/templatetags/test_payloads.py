"""The tag `payload_value`: one value of a message, by its kind."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from approvals.web.payload_nodes import Node

TEXT, MONEY, EMPTY = Node("text", text="a\u202e<b>"), Node("money", text="5 <"), Node("empty")


@pytest.mark.parametrize(
    ("node", "html"),
    [
        (TEXT, "<bdi>a⟨U+202E⟩&lt;b&gt;</bdi>"),
        (MONEY, '<span class="num">5 &lt;</span>'),
        (EMPTY, '<span class="none">\u2013</span>'),
        (Node("long", text="<i>"), "<p><bdi>&lt;i&gt;</bdi></p></details>"),
        (Node("address", children=(TEXT, Node("text", text="x"))), "&lt;b&gt;</bdi><br><bdi>x</bdi></address>"),
        (Node("list", children=(MONEY, EMPTY), more=3), '<li><span class="num">5 &lt;</span></li>'),
        (Node("list", children=(MONEY, EMPTY), more=3), "and 3 more in the raw message</li></ul>"),
        (Node("group", children=(Node("text", "<l>", "t"),)), "<bdi>&lt;l&gt;</bdi></dt><dd><bdi>t</bdi></dd>"),
        (Node("more"), '<span class="hint">more in the raw message</span>'),
    ],
)  # fmt: skip
def test_a_value_is_shown_by_its_kind(node: Node, html: str) -> None:
    shown = Template("{% load payloads %}{% payload_value node %}").render(Context({"node": node}))

    assert html in shown
