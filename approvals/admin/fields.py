"""Form fields of the admin pages: a JSON document, a user by e-mail, a reason."""

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
    """A JSON document as text. The typed text is kept; an error names the line and column."""

    def __init__(self, *, empty: Any, **options: Any) -> None:
        self.empty = empty
        area = forms.Textarea(attrs={"rows": 4, "class": "document", "spellcheck": "false"})
        super().__init__(required=False, widget=area, **options)

    def prepare_value(self, value: Any) -> Any:
        """The stored document as text; typed text as it is."""
        if isinstance(value, str):
            return value
        return "" if value is None else formatting.document(value)

    def to_python(self, value: Any) -> Any:
        """The document. Raises ValidationError, with line and column if it is no JSON."""
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
            pass  # too many digits, or too deep: strict_json explains it better
        try:
            return strict_json.read(text)
        except strict_json.Unreadable as error:
            raise ValidationError(error.explanation) from None

    def validate(self, value: Any) -> None:
        """Accept any document: the model checks its content."""

    def run_validators(self, value: Any) -> None:
        """Skip the validators of a text field, which do not fit a document."""


class PersonField(forms.EmailField):
    """A user by e-mail; a list of all users would be long and disclose their addresses."""

    def clean(self, value: Any) -> Any:
        """The user, or None for an empty field. Raises ValidationError for an unknown address."""
        email = super().clean(value)
        if not email:
            return None
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise ValidationError(f"No user {email}.")
        return user


def form_data(request: HttpRequest) -> QueryDict | None:
    """The data that a form is bound to: of a POST, also if it is empty; None for other methods."""
    return request.POST if request.method == "POST" else None


def empty_form(request: HttpRequest) -> forms.Form:
    """A form without fields, for a page that only asks for confirmation."""
    return forms.Form(form_data(request))


def reason(*, required: bool = False, limit: int = 32_768, help_text: str = "") -> forms.CharField:
    """A field for a reason."""
    area = forms.Textarea(attrs={"rows": 4})
    return forms.CharField(
        label="Reason", required=required, max_length=limit, widget=area, help_text=help_text
    )
