"""The tag `url` of every template in place of Django's, which composes the URLs of a page anew each time."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django import template
from django.template import defaulttags
from django.template.base import Node, Parser, Token
from django.template.context import Context
from django.urls import get_script_prefix, reverse
from django.utils.safestring import SafeString

from approvals.web import markup

register = template.Library()
ANY = UUID(int=0)
KEPT = 512  # URLs: those of our pages without arguments, and of the pages of queues


@lru_cache(maxsize=KEPT)
def _reversed(name: str, args: tuple[str, ...], _script_prefix: str) -> SafeString:
    return markup.filled("{}", reverse(name, args=args))


class KeptURLNode(Node):
    """The URL of a page: it is kept with its texts, such as the slug of a queue, and without its id.

    Other arguments are Django's work.
    """

    def __init__(self, name: str, node: defaulttags.URLNode) -> None:
        self.name, self.node = name, node

    def render(self, context: Context) -> str:
        """The URL, escaped unless the template says otherwise. Raises NoReverseMatch."""
        args = tuple(arg.resolve(context) for arg in self.node.args)
        if not context.autoescape:
            return self.node.render(context)
        if len(args) == 1 and isinstance(args[0], UUID):
            of_any = _reversed(self.name, (str(ANY),), get_script_prefix())
            return SafeString(of_any.replace(str(ANY), str(args[0])))
        if all(isinstance(arg, str) for arg in args):
            return _reversed(self.name, args, get_script_prefix())
        return self.node.render(context)


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """Django's `{% url NAME [ARGUMENTS] %}`; what has a constant name without a namespace is kept."""
    node = defaulttags.url(parser, token)
    name = node.view_name
    if name.is_var or name.filters or ":" in name.var or node.kwargs or node.asvar:
        return node
    return KeptURLNode(str(name.var), node)
