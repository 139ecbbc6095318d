"""Tags for lists in which a broken row stands for itself alone: `{% load rows %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.templatetags import admin_list
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals import broken_rows
from approvals.broken_rows import BrokenRow

register = template.Library()
OF_A_REVIEW = "review task"  # verbose_name of the rows that have a page under their key


class RowNode(template.Node):
    """One row of a list: its content, or what stands for a broken row."""

    def __init__(self, row: FilterExpression, columns: str, content: NodeList) -> None:
        self.row, self.columns, self.nodelist = row, columns, content

    def render(self, context: Context) -> SafeString:
        """The content, or a row that says that it is broken."""
        found = broken_rows.shown(
            self.row.resolve(context), lambda _: self.nodelist.render(context)
        )
        if not isinstance(found, BrokenRow):
            return found
        return broken_row(context, found, self.columns)


def broken_row(context: Context, broken: BrokenRow, columns: str = "") -> SafeString:
    """What stands for a broken row of a table with so many columns, else of a list; all its values are escaped."""
    page = context.template.engine.get_template("approvals/_broken_row.html")  # type: ignore[union-attr]
    values = {"broken": broken, "columns": columns, "is_review": broken.kind == OF_A_REVIEW}
    return page.render(context.new(values))


@register.tag
def row(parser: Parser, token: Token) -> RowNode:
    """`{% row ROW [COLUMNS] %}...{% endrow %}`: a row of a table with so many columns, else of a list."""
    _, name, *columns = token.split_contents()
    content = parser.parse(("endrow",))
    parser.delete_first_token()
    return RowNode(parser.compile_filter(name), columns[0] if columns else "", content)


@register.inclusion_tag("admin/change_list_results.html")
def guarded_result_list(cl: Any) -> dict[str, Any]:
    """The rows of an admin list, as the stock tag `result_list` shows them, each for itself."""
    return {
        "cl": cl,
        "result_hidden_fields": [],
        "result_headers": list(admin_list.result_headers(cl)),
        "num_sorted_fields": 0,
        "results": [admin_list.ResultList(None, _cells(cl, each)) for each in cl.result_list],
    }


def _cells(cl: Any, row: Any) -> list[SafeString]:
    found = broken_rows.shown(row, lambda each: list(admin_list.items_for_result(cl, each, None)))
    if not isinstance(found, BrokenRow):
        return found
    cell = '<td colspan="{}">This row cannot be shown. <a href="{}">{} {}</a></td>'
    url = cl.url_for_result(row)
    return [format_html(cell, len(cl.list_display), url, found.kind, found.key)]
