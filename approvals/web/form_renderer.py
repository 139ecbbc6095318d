"""The renderer of forms: inputs and selects are written here, without a template for each option and attribute.

Django renders four templates for an option; a page of filters has fifty options, an admin form hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.safestring import SafeString

from approvals.web import markup

_FOLDER = "django/forms/widgets"
INPUTS = frozenset(
    f"{_FOLDER}/{name}.html" for name in ("text", "number", "email", "hidden", "date", "datetime")
)
SELECT, OPTION = f"{_FOLDER}/select.html", f"{_FOLDER}/select_option.html"


class FormRenderer(DjangoTemplates):
    """Django's renderer, which writes the most frequent widgets as its templates would."""

    def render(
        self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None
    ) -> str:
        """The HTML of a widget or a form."""
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == SELECT:
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _input(widget: Mapping[str, Any]) -> SafeString:
    value = widget["value"]
    shown = "" if value is None else markup.filled(' value="{}"', value)
    html = '<input type="{}" name="{}"{}{}>\n'
    return markup.filled(html, widget["type"], widget["name"], shown, _attributes(widget["attrs"]))


def _select(widget: Mapping[str, Any]) -> SafeString:
    groups = SafeString("")
    for name, options, _ in widget["optgroups"]:
        inner = SafeString("".join(map(_option, options)))
        if name:
            inner = markup.filled('\n  <optgroup label="{}">{}\n  </optgroup>', name, inner)
        groups += inner
    html = '<select name="{}"{}>{}\n</select>\n'
    return markup.filled(html, widget["name"], _attributes(widget["attrs"]), groups)


def _option(option: Mapping[str, Any]) -> SafeString:
    html = '\n  <option value="{}"{}>{}</option>'
    return markup.filled(html, option["value"], _attributes(option["attrs"]), option["label"])


def _attributes(attrs: Mapping[str, Any]) -> SafeString:
    """Attributes in their order; one that is True has no value, one that is False is left out."""
    html = SafeString("")
    for name, value in attrs.items():
        if value is True:
            html += markup.filled(" {}", name)
        elif value is not False:
            html += markup.filled(' {}="{}"', name, value)
    return html
