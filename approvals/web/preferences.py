"""A person's settings of the desk, and the page of its keyboard shortcuts."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from approvals.actions import preferences
from approvals.web.decorators import DeskRequest, desk


class PreferenceForm(forms.Form):
    """The settings; an unticked box is off."""

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
    if request.method == "POST":
        form = PreferenceForm(request.POST)
        if form.is_valid():
            preferences.save(**form.cleaned_data, by=request.actor)
            messages.success(request, "Your settings are saved.")
        return redirect("settings")
    stored = request.access.preferences
    form = PreferenceForm(
        initial={"shortcuts": stored.shortcuts, "auto_advance": stored.auto_advance}
    )
    return render(request, "approvals/settings.html", {"form": form, "now": request.access.now})


@desk("GET")
def shortcuts(request: DeskRequest) -> HttpResponse:
    """The keyboard shortcuts as a page; with JavaScript they open as a dialog."""
    template = "approvals/_shortcuts.html" if request.htmx else "approvals/shortcuts.html"
    return render(request, template, {"now": request.access.now})
