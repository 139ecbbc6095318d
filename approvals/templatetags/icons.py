"""The tag of icons: `{% load icons %}`. Each is drawn once in a process, most while a template is compiled."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.template.base import FilterExpression, Node, Parser, TextNode, Token
from django.template.context import Context
from django.utils.safestring import SafeString
from heroicons.templatetags import heroicons

register = template.Library()
KEPT = 256  # drawings: the icons of our pages, each in its sizes
SIZE = 20  # pixels


@lru_cache(maxsize=KEPT)
def drawn(name: str, size: int) -> SafeString:
    """The SVG of a mini icon. heroicons copies and serialises a tree for each: 50 microseconds of CPU."""
    return SafeString(heroicons.heroicon_mini(name, size=size))


class IconNode(Node):
    """An icon whose name is known when the page is rendered."""

    def __init__(self, name: FilterExpression, size: int) -> None:
        self.name, self.size = name, size

    def render(self, context: Context) -> SafeString:
        """The icon. Raises heroicons.IconDoesNotExist."""
        return drawn(str(self.name.resolve(context)), self.size)


@register.tag
def heroicon_mini(parser: Parser, token: Token) -> Node:
    """`{% heroicon_mini NAME [size=PIXELS] %}`, as the tag of heroicons, without its other attributes.

    Raises heroicons.IconDoesNotExist while the template is compiled if its name is a constant.
    """
    _, name, *size = token.split_contents()
    pixels = int(size[0].removeprefix("size=")) if size else SIZE
    expression = parser.compile_filter(name)
    if expression.is_var:
        return IconNode(expression, pixels)
    return TextNode(drawn(str(expression.var), pixels))
