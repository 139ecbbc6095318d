"""Form fields of the admin pages: JSON typed by hand, a person by e-mail, a reason."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict

from approvals.admin import formatting
from approvals.models import User
from approvals.untrusted import strict_json


class DocumentField(forms.CharField):
    """A JSON document as text. What was typed stays as it was typed; an error names its place."""

    def __init__(self, *, empty: Any, **options: Any) -> None:
        self.empty = empty
        area = forms.Textarea(attrs={"rows": 8, "class": "document", "spellcheck": "false"})
        super().__init__(required=False, widget=area, **options)

    def prepare_value(self, value: Any) -> Any:
        """The stored document as text; text that was typed, as it is."""
        if isinstance(value, str):
            return value
        return "" if value is None else formatting.document(value)

    def to_python(self, value: Any) -> Any:
        """The document. Raises ValidationError with line and column where it is no JSON."""
        text = str(value or "").strip()
        if not text:
            return self.empty
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise ValidationError(
                f"No JSON at line {error.lineno}, column {error.colno}: {error.msg}."
            ) from None
        except (ValueError, RecursionError):
            pass  # too many digits, or too deep: said better below
        try:
            return strict_json.read(text)
        except strict_json.Unreadable as error:
            raise ValidationError(error.explanation) from None

    def validate(self, value: Any) -> None:
        """What a document must say is the model's to judge."""

    def run_validators(self, value: Any) -> None:
        """The same: the text's own rules do not fit a document."""


class PersonField(forms.EmailField):
    """A user, by e-mail: a list of everybody would be long, and tell too much."""

    def clean(self, value: Any) -> Any:
        """The user. Raises ValidationError where there is none."""
        email = super().clean(value)
        if not email:
            return None
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise ValidationError(f"No user {email}.")
        return user


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: an empty POST is a POST too."""
    return request.POST if request.method == "POST" else None


def sure(request: HttpRequest) -> forms.Form:
    """Nothing to fill in: the page says what will happen, and its button does it."""
    return forms.Form(posted(request))


def reason(*, required: bool = False, limit: int = 32_768, help_text: str = "") -> forms.CharField:
    """A field for why."""
    area = forms.Textarea(attrs={"rows": 4})
    return forms.CharField(
        label="Reason", required=required, max_length=limit, widget=area, help_text=help_text
    )
