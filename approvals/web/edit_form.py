"""The form with which a reviewer changes values of an approval's output, made from the queue's JSON Schema.

Each property of the schema is a field: texts, numbers, yes or no, a choice, a date; a property of another
type is edited as JSON. A field begins with the message's value of that name, and only what was changed is
sent, so that an approval without changes has no edits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from approvals.exceptions import ApprovalsError, Invalid
from approvals.models import ReviewTask
from approvals.untrusted import display, strict_json
from approvals.web.payload_nodes import label_of

PREFIX = "edit"
MAX_FIELDS = 40
SHOWN = 300  # characters of a value in the list of what changes
NOTHING: Any = object()  # what an empty field means: nothing is changed
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)  # what a browser's field for dates can hold
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
            return NOTHING
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
        if _lines(initial) == _lines(data):
            return False
        try:
            return bool(self.to_python(initial or "") != self.to_python(data or ""))
        except ValidationError:
            return True


class TextField(forms.CharField):
    """A text as it was typed, its lines ended as JSON's are, not as a browser sends them."""

    def to_python(self, value: Any) -> str:
        """The text with `\\n` at the end of lines."""
        return _lines(super().to_python(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text differs in more than how its lines end."""
        return _lines(initial) != _lines(data)


@dataclass(frozen=True)
class _Property:
    name: str
    schema: Mapping[str, Any]
    present: Any  # the message's value; None if it has none


@dataclass(frozen=True)
class EditRow:
    """A field as the page shows it: its widget, the message's value, and what the person wrote instead."""

    field: forms.BoundField
    present: str
    written: str
    changed: bool

    @property
    def is_json(self) -> bool:
        """Whether the field is written as JSON: then `12.50` is what `12.5` is."""
        return isinstance(self.field.field, JSONValueField)

    @property
    def initial(self) -> str:
        """The text with which the field began."""
        return str(self.field.form.get_initial_for_field(self.field.field, self.field.name) or "")


class EditForm(forms.Form):
    """The fields of a queue's output schema; `data` is a POST, None for the form as it begins.

    A field that the POST does not have, or that was left as it began, is neither an edit nor an error.
    """

    def __init__(self, review: ReviewTask, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix=PREFIX)
        self._present = {one.name: one.present for one in _properties(review)}
        for one in _properties(review):
            self.fields[one.name] = _field(one)

    def clean(self) -> dict[str, Any]:
        """Keep the errors of what was changed alone: the message's own values are not the person's."""
        for name in set(self.errors) - set(self._edited()):
            del self.errors[name]
        return self.cleaned_data

    def edits(self) -> dict[str, Any]:
        """What was changed, by the properties' names; empty if nothing was. For a valid form only."""
        changed = {name: self.cleaned_data.get(name, NOTHING) for name in self._edited()}
        return {name: value for name, value in changed.items() if value is not NOTHING}

    def checked(self) -> dict[str, Any]:
        """The edits. Raises Invalid, with the first error, if a changed field cannot be read."""
        if not self.is_valid():
            raise Invalid(self.first_error())
        return self.edits()

    def rows(self) -> list[EditRow]:
        """The fields with the message's values and what was written in their place."""
        edited = set(self._edited()) if self.is_bound else set()
        return [
            EditRow(
                self[name],
                _words(self._present[name]),
                written := _written(self[name])[:SHOWN],
                name in edited and (written != "" or isinstance(field, TextField)),
            )
            for name, field in self.fields.items()
        ]

    def note(self, error: ApprovalsError) -> None:
        """Show a refusal of the verb at the field that it names, if it names one."""
        name = str(error.extra.get("pointer", "")).removeprefix("/edits/").split("/")[0]
        name = name.replace("~1", "/").replace("~0", "~")
        if self.is_bound and name in self.fields and name not in self.errors:
            self.add_error(name, display.visible(error.message))

    def _edited(self) -> list[str]:
        return [name for name in self.changed_data if self.add_prefix(name) in self.data]

    def first_error(self) -> str:
        """The first field with an error and what is wrong with it."""
        name, texts = next(iter(self.errors.items()))
        return f"{self.fields[name].label}: {texts[0]}"


def takes_edits(review: ReviewTask) -> bool:
    """Whether reviewers of this review's queue may edit values by a form."""
    return any(True for _ in _properties(review))


def listed(edits: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The edits of a decision as labels and values, for a page."""
    return [(label_of(name), _words(value)) for name, value in list(edits.items())[:MAX_FIELDS]]


def _lines(text: Any) -> str:
    """A text with its lines ended by `\\n`, as a browser's field holds it."""
    return str("" if text is None else text).replace("\r\n", "\n").replace("\r", "\n")


def _words(value: Any) -> str:
    """A value in a few words; nothing for one that is not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _written(field: forms.BoundField) -> str:
    """What a field holds now; of a choice its words."""
    value = str(field.value() if field.value() is not None else "")
    if isinstance(field.field, forms.ChoiceField):
        words = dict(cast("Iterable[tuple[Any, Any]]", field.field.choices))
        return str(words.get(value, value)) if value else ""
    return value


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
        numeric = isinstance(one.present, int | float) and not isinstance(one.present, bool)
        initial = json.dumps(one.present) if numeric else ""
        widget = forms.TextInput(attrs={"class": "input", "inputmode": "decimal"})
        return JSONValueField(only="a number", initial=initial, widget=widget, **options)
    if kind == "string":
        return _text(one, options)
    initial = _editable(one.present)
    area = forms.Textarea(attrs={"class": "textarea w-full", "rows": 4, "spellcheck": "false"})
    return JSONValueField(initial=initial, widget=area, **options)


def _editable(value: Any) -> str:
    """A value as JSON to be edited; nothing for one that is longer than what a field takes back.

    A megabyte of values that lie deep has forty times as many blanks in front of its lines.
    """
    if value is None or len(json.dumps(value, ensure_ascii=False)) > LONGEST:
        return ""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= LONGEST else json.dumps(value, ensure_ascii=False)


def _choice(allowed: list[Any], present: Any, options: dict[str, Any]) -> forms.Field:
    words = {True: "yes", False: "no"}
    shown = [
        (
            json.dumps(value),
            words[value] if isinstance(value, bool) else display.visible(str(value)),
        )
        for value in allowed
    ]
    known = json.dumps(present)  # by its JSON: Python takes 1 and True for equal
    initial = known if present is not None and known in dict(shown) else ""
    unchanged = [] if initial else [("", "as it is")]
    return forms.TypedChoiceField(
        choices=[*unchanged, *shown],
        coerce=json.loads,
        empty_value=NOTHING,
        initial=initial,
        widget=forms.Select(attrs={"class": "select"}),
        **options,
    )


def _text(one: _Property, options: dict[str, Any]) -> forms.Field:
    is_short = isinstance(one.present, str) and len(one.present) <= LONGEST
    initial = one.present if is_short else ""
    longest = one.schema.get("maxLength")
    limit = longest if isinstance(longest, int) and 0 < longest < LONGEST else LONGEST
    widget: forms.Widget = forms.TextInput(attrs={"class": "input w-full"})
    if one.schema.get("format") == "date" and (not initial or _DATE.fullmatch(initial)):
        widget = forms.DateInput(attrs={"class": "input", "type": "date"})
    elif len(initial) > LONG or "\n" in _lines(initial):
        widget = forms.Textarea(attrs={"class": "textarea w-full", "rows": 4})
    return TextField(max_length=limit, strip=False, initial=initial, widget=widget, **options)
