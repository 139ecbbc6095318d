"""Inputs and selects are written as Django's own templates write them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from approvals.web.form_renderer import FormRenderer

ODD = "\"<b>' & é"
GROUPS = [("", "Any"), ("Open", [("p", "Pending"), ("u", ODD)]), (ODD, "Odd"), (3, 4)]


class Sample(forms.Form):
    """Fields with the widgets and attributes that pages have."""

    text = forms.CharField(max_length=20, help_text="Why")
    secret = forms.CharField(widget=forms.PasswordInput)
    long = forms.CharField(widget=forms.Textarea)
    number = forms.DecimalField(min_value=-1, max_digits=5, decimal_places=2, required=False)
    mail = forms.EmailField(required=False, disabled=True)
    hidden = forms.CharField(widget=forms.HiddenInput, required=False)
    at = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local", "title": ODD})
    )
    ticked = forms.BooleanField(required=False)
    one = forms.ChoiceField(choices=GROUPS, required=False)
    some = forms.MultipleChoiceField(choices=GROUPS, required=False)


def collapsed(html: str) -> str:
    """HTML without the space between tags."""
    return re.sub(r">\s+<", "><", html.strip())


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"text": ODD, "number": "1.50", "mail": ODD, "hidden": 0, "one": ODD, "some": ["p", "u"]},
        {"number": "no number", "at": "2026-01-01T00:00", "one": "3", "ticked": "on"},
    ],
)
def test_a_form_is_the_same_as_by_djangos_templates(given: dict[str, Any] | None) -> None:
    ours, djangos = (Sample(given, renderer=each()) for each in (FormRenderer, DjangoTemplates))

    for name in Sample.base_fields:
        assert collapsed(str(ours[name])) == collapsed(str(djangos[name])), name
    assert collapsed(ours.as_p()) == collapsed(djangos.as_p())
    assert collapsed(str(ours.errors)) == collapsed(str(djangos.errors))


def test_text_of_a_request_is_escaped() -> None:
    form = Sample({"text": '"><script>', "one": "<i>"}, renderer=FormRenderer())

    assert "<script>" not in f"{form['text']}{form['one']}"
    assert "&quot;&gt;&lt;script&gt;" in str(form["text"])


def test_it_renders_the_forms_of_all_pages() -> None:
    assert isinstance(forms.Form().renderer, FormRenderer)
