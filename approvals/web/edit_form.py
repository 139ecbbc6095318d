"""The form with which a reviewer changes values of an approval's output, made from the queue's JSON Schema.

Each property of the schema is a field: texts, numbers, yes or no, a choice, a date; a property of another
type is edited as JSON. A field begins with the message's value of that name, and only what was changed is
sent, so that an approval without changes has no edits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from approvals.models import ReviewTask
from approvals.untrusted import display, strict_json
from approvals.web.payload_view import label_of

PREFIX = "edit"
MAX_FIELDS = 40
LONG = 80  # characters from which a text is edited in several lines
LONGEST = 10_000


class JSONValueField(forms.Field):
    """A value written as JSON; empty means that nothing is changed."""

    def __init__(self, only: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._only = only

    def to_python(self, value: Any) -> Any:
        """The value of the text. Raises ValidationError if it is not JSON of the wanted type."""
        text = str(value or "").strip()
        if not text:
            return None
        if len(text) > LONGEST:
            raise ValidationError(f"At most {LONGEST:,} characters are taken here.")
        try:
            parsed = strict_json.read(text)
        except strict_json.Unreadable as error:
            raise ValidationError(f"Not {self._only or 'JSON'}: {error.explanation}") from None
        numeric = isinstance(parsed, int | float) and not isinstance(parsed, bool)
        if self._only and not numeric:
            raise ValidationError(f"Not {self._only}, such as 12.50.")
        return parsed

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the value differs, however it is written; a value that cannot be read differs."""
        try:
            return bool(self.to_python(initial or "") != self.to_python(data or ""))
        except ValidationError:
            return True


class TextField(forms.CharField):
    """A text as it was typed, its lines ended as JSON's are, not as a browser sends them."""

    def to_python(self, value: Any) -> str:
        """The text with `\\n` at the end of lines."""
        return str(super().to_python(value)).replace("\r\n", "\n")


@dataclass(frozen=True)
class _Property:
    name: str
    schema: Mapping[str, Any]
    present: Any  # the message's value; None if it has none


class EditForm(forms.Form):
    """The fields of a queue's output schema; `data` is a POST, None for the form as it begins."""

    def __init__(self, review: ReviewTask, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix=PREFIX)
        for one in _properties(review):
            self.fields[one.name] = _field(one)

    def edits(self) -> dict[str, Any]:
        """What was changed, by the properties' names; empty if nothing was. For a valid form only."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data}
        return {name: value for name, value in changed.items() if value is not None}

    def first_error(self) -> str:
        """The first field with an error and what is wrong with it."""
        name, texts = next(iter(self.errors.items()))
        return f"{self.fields[name].label}: {texts[0]}"


def takes_edits(review: ReviewTask) -> bool:
    """Whether reviewers of this review's queue may edit values by a form."""
    return any(True for _ in _properties(review))


def _properties(review: ReviewTask) -> list[_Property]:
    schema: Any = review.queue.output_schema
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return []
    order = review.order if isinstance(review.order, dict) else {}
    return [
        _Property(
            name,
            inner if isinstance(inner, dict) else {},
            order.get(name),
        )
        for name, inner in list(properties.items())[:MAX_FIELDS]
    ]


def _field(one: _Property) -> forms.Field:
    kind = one.schema.get("type")
    label = str(one.schema.get("title") or label_of(one.name))
    options: dict[str, Any] = {
        "required": False,
        "label": display.visible(label),
        "help_text": display.visible(str(one.schema.get("description") or ""))[:LONGEST],
    }
    allowed = one.schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return _choice(allowed, one.present, options)
    if kind == "boolean":
        return _choice([True, False], one.present, options)
    if kind in ("number", "integer"):
        initial = "" if one.present is None else json.dumps(one.present)
        widget = forms.TextInput(attrs={"class": "input", "inputmode": "decimal"})
        return JSONValueField(only="a number", initial=initial, widget=widget, **options)
    if kind == "string":
        return _text(one, options)
    initial = "" if one.present is None else json.dumps(one.present, ensure_ascii=False, indent=1)
    area = forms.Textarea(attrs={"class": "textarea w-full", "rows": 4, "spellcheck": "false"})
    return JSONValueField(initial=initial, widget=area, **options)


def _choice(allowed: list[Any], present: Any, options: dict[str, Any]) -> forms.Field:
    words = {True: "yes", False: "no"}
    shown = [
        (
            json.dumps(value),
            words[value] if isinstance(value, bool) else display.visible(str(value)),
        )
        for value in allowed
    ]
    initial = json.dumps(present) if present in allowed else ""
    unchanged = [] if initial else [("", "as it is")]
    return forms.TypedChoiceField(
        choices=[*unchanged, *shown],
        coerce=json.loads,
        empty_value=None,
        initial=initial,
        widget=forms.Select(attrs={"class": "select"}),
        **options,
    )


def _text(one: _Property, options: dict[str, Any]) -> forms.Field:
    initial = one.present if isinstance(one.present, str) else ""
    longest = one.schema.get("maxLength")
    limit = longest if isinstance(longest, int) and 0 < longest < LONGEST else LONGEST
    widget: forms.Widget = forms.TextInput(attrs={"class": "input w-full"})
    if one.schema.get("format") == "date":
        widget = forms.DateInput(attrs={"class": "input", "type": "date"})
    elif len(initial) > LONG or "\n" in initial:
        widget = forms.Textarea(attrs={"class": "textarea w-full", "rows": 4})
    return TextField(max_length=limit, strip=False, initial=initial, widget=widget, **options)
