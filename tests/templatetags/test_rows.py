"""The tag `row`: what stands in a list or a table for a row that cannot be shown."""

from __future__ import annotations

from typing import Any

from django.template import Context, Template

TABLE = (
    "{% load rows %}"
    "{% for each in all %}{% row each 2 %}<tr><td>{{ each.text }}</td></tr>{% endrow %}{% endfor %}"
)


class Broken:
    """A row whose text cannot be made."""

    @property
    def text(self) -> str:
        """Raises."""
        raise ZeroDivisionError


def rendered(source: str, rows_found_broken: list[dict[str, Any]], *rows: object) -> str:
    """What a template makes of these rows."""
    html = Template(source).render(Context({"all": rows}))
    rows_found_broken.clear()
    return html


def test_a_broken_row_of_a_table_spans_its_columns(rows_found_broken: list[dict[str, Any]]) -> None:
    html = rendered(TABLE, rows_found_broken, {"text": "<b>"}, Broken(), {"text": "c"})
    assert html.startswith("<tr><td>&lt;b&gt;</td></tr>")
    assert html.strip().endswith("<tr><td>c</td></tr>")
    assert '<td colspan="2">This row cannot be shown.' in html


def test_a_broken_row_of_a_list_is_one_of_its_items(
    rows_found_broken: list[dict[str, Any]],
) -> None:
    source = TABLE.replace(" 2 %}", " %}")
    html = rendered(source, rows_found_broken, Broken())
    assert html.startswith('<li class="hint">This row cannot be shown.')
