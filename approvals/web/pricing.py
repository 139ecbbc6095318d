"""What the installed workflows cost a month: a form of assumptions, a chart and the bill behind it.

The bars are drawn here as SVG and not by uPlot: that draws series over time, on a canvas, with a
script; these are a handful of sums, and the page must say the same without JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render

from approvals import policy
from approvals.orchestration.definition_files import installed
from approvals.policy import Action
from approvals.web.decorators import DeskRequest, desk
from approvals.workflows.asl import parser
from approvals.workflows.pricing import tariff
from approvals.workflows.pricing.command import dollars, notes
from approvals.workflows.pricing.transitions import Estimate, Line, Volume, Way, estimate

BAR = 1_000  # the longest bar, in the chart's own units
_MOST = 10**12


class VolumeForm(forms.Form):
    """What runs in a month; what a person leaves out is as in the command."""

    definition = forms.ChoiceField(label="Workflow", initial="order_fulfillment")
    per_month = forms.IntegerField(
        label="Orders a month", min_value=1, max_value=_MOST, initial=1_000_000
    )
    batch = forms.IntegerField(label="Orders a batch", min_value=1, max_value=100_000, initial=100)
    reviewed_percent = forms.DecimalField(
        label="Held for review, %", min_value=0, max_value=100, max_digits=7, initial=4
    )
    duration_ms = forms.IntegerField(
        label="EXPRESS, ms an order", min_value=1, max_value=86_400_000, initial=1_000
    )
    memory_mb = forms.IntegerField(
        label="EXPRESS, MB", min_value=1, max_value=1_000_000, initial=64
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name.replace("_", " ").capitalize()) for name in installed()]
        self.fields["definition"].choices = names  # type: ignore[attr-defined]

    def volume(self) -> Volume:
        """The checked values as the estimate takes them."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "definition"}
        return Volume(**given)


@dataclass(frozen=True)
class Bar:
    """A way in the chart and in the table; a way that cannot be has no bar."""

    way: Way
    steps: int
    functions: int

    @property
    def amounts(self) -> tuple[str, ...]:
        """Before the free tier, the free tier, Lambda and the total, as the table says them."""
        way = self.way
        known = (way.step_functions, way.free_tier, way.functions, way.total)
        return tuple(dollars(amount) for amount in known)

    @property
    def lines(self) -> Iterator[tuple[Line, str, str]]:
        """The bill's lines, with their quantity and their price in words."""
        return ((one, f"{one.quantity:,.0f}", dollars(one.usd)) for one in self.way.lines)


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The estimate for what the form says; the first visit shows the first workflow's."""
    policy.may(Action.PRICE, None, by=request.actor).or_raise()
    first = {name: field.initial for name, field in VolumeForm().fields.items()}
    form = VolumeForm(first | {name: request.GET[name] for name in first if name in request.GET})
    context: dict[str, Any] = {"form": form, "prices": tariff.load()}
    if form.is_valid():
        definition = parser.read(installed()[form.cleaned_data["definition"]])
        found = estimate(definition, form.volume(), context["prices"])
        context |= {
            "found": found,
            "bars": bars(found),
            "notes": notes(found, context["prices"])[1:],
        }
    return render(request, "approvals/pricing.html", context)


def bars(found: Estimate) -> list[Bar]:
    """Every way with its bar, the longest of them as long as the chart."""
    longest = max((one.total for one in found.ways if not one.refused), default=Decimal(0))
    scale = BAR / longest if longest > 0 else Decimal(0)
    return [
        Bar(way, round((way.step_functions + way.free_tier) * scale), round(way.functions * scale))
        for way in found.ways
    ]
