"""The tag `payload_value`, one value of a message: `{% load payloads %}`."""

from __future__ import annotations

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from approvals.templatetags.desk import plain
from approvals.web import markup
from approvals.web.payload_nodes import Node

register = template.Library()
NONE = SafeString('<span class="none">\u2013</span>')


@register.simple_tag
def payload_value(node: Node) -> SafeString:
    """A value by its kind. The short ones, of which a message has dozens, take no template of their own."""
    if node.kind == "text":
        return markup.filled("<bdi>{}</bdi>", plain(node.text))
    if node.kind == "money":
        return markup.filled('<span class="num">{}</span>', node.text)
    if node.kind == "empty":
        return NONE
    return render_to_string("approvals/_json_value.html", {"node": node})
