"""A person's settings of the desk, and the page of its keyboard shortcuts."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals.actions import preferences
from approvals.models import Preference
from approvals.web.decorators import DeskRequest, desk

DEFAULTS = {name: getattr(Preference(), name) for name in Preference.SETTINGS}


class PreferenceForm(forms.Form):
    """The settings; an unticked box is off, and what is not sent goes back to its default."""

    time_zone = forms.ChoiceField(
        required=False,
        label="Time zone",
        choices=lambda: [(name, name.replace("_", " ")) for name in preferences.time_zones()],
        widget=forms.Select(attrs={"class": "select"}),
        help_text="Pages show times in it; the tooltip of a time has UTC.",
    )
    theme = forms.ChoiceField(
        required=False,
        label="Colours",
        choices=Preference.Theme.choices,
        widget=forms.Select(attrs={"class": "select"}),
    )
    density = forms.ChoiceField(
        required=False,
        label="Lists",
        choices=Preference.Density.choices,
        widget=forms.Select(attrs={"class": "select"}),
    )
    undo_seconds = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=3_600,
        label="Seconds to undo a decision",
        widget=forms.NumberInput(attrs={"class": "input"}),
        help_text="A decision is sent when they are over. Left empty, as long as the queue allows; never longer.",
    )

    shortcuts = forms.BooleanField(
        required=False,
        label="Keyboard shortcuts",
        help_text="Single letters act on the page. Turn this off if you use speech input.",
    )
    auto_advance = forms.BooleanField(
        required=False,
        label="Open the next review after a decision",
        help_text="Otherwise the page of the decided review stays open.",
    )


@desk("GET", "POST")
def edit(request: DeskRequest) -> HttpResponse:
    """The settings of the person who has signed in; posted, stores them."""
    form = PreferenceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        chosen = {name: value for name, value in form.cleaned_data.items() if value != ""}
        preferences.save(**(DEFAULTS | chosen), by=request.actor)
        messages.success(request, "Your settings are saved.")
        return redirect("settings")
    stored = request.access.preferences
    form.initial = {name: getattr(stored, name) for name in Preference.SETTINGS}
    context = {"form": form, "now": request.access.now}
    return render(request, "approvals/settings.html", context, status=422 if form.errors else 200)


@desk("GET")
def shortcuts(request: DeskRequest) -> HttpResponse:
    """The keyboard shortcuts as a page; with JavaScript they open as a dialog."""
    template = "approvals/_shortcuts.html" if request.htmx else "approvals/shortcuts.html"
    level = "h3" if request.htmx else "h2"  # below the heading of the dialog, or of the page
    return render(request, template, {"now": request.access.now, "level": level})
