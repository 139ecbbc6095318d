"""The page of prices: what an installed workflow costs a month, as a form of assumptions, a chart and the bill.

The bars are SVG in the template, so the page shows the same without JavaScript.
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
from approvals.policy import Action
from approvals.web.decorators import DeskRequest, desk
from approvals.workflows.asl.parser import read_definition
from approvals.workflows.installed_definitions import installed_definitions
from approvals.workflows.pricing import price_list
from approvals.workflows.pricing.assumptions import notes
from approvals.workflows.pricing.bill import BillLine, Variant, Volume
from approvals.workflows.pricing.estimate import Estimate, estimate
from approvals.workflows.pricing.report import dollars

BAR_LENGTH = 1_000  # of the longest bar, in units of the SVG's viewBox
_MOST = 10**12


class VolumeForm(forms.Form):
    """The volume of a month; fields that the URL leaves out have their initial value."""

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
        names = [(name, name.replace("_", " ").capitalize()) for name in installed_definitions()]
        self.fields["definition"].choices = names  # type: ignore[attr-defined]

    def volume(self) -> Volume:
        """The volume that the checked values describe."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "definition"}
        return Volume(**values)


@dataclass(frozen=True)
class Bar:
    """A variant with the lengths of its bar's two parts, in units of BAR_LENGTH; an impossible one has none."""

    variant: Variant
    step_functions: int
    functions: int

    @property
    def amounts(self) -> tuple[str, ...]:
        """Before the free tier, the free tier, Lambda and the total, as the table shows them."""
        variant = self.variant
        amounts = (variant.step_functions, variant.free_tier, variant.functions, variant.total)
        return tuple(dollars(amount) for amount in amounts)

    @property
    def lines(self) -> Iterator[tuple[BillLine, str, str]]:
        """The lines of the bill, each with its quantity and its price as the table shows them."""
        return ((line, f"{line.quantity:,.0f}", dollars(line.usd)) for line in self.variant.lines)


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The page; without parameters it shows the estimate for the form's initial values."""
    policy.may(Action.PRICE, None, by=request.actor).or_raise()
    initial = {name: field.initial for name, field in VolumeForm().fields.items()}
    form = VolumeForm(
        initial | {name: request.GET[name] for name in initial if name in request.GET}
    )
    context: dict[str, Any] = {"form": form, "prices": price_list.load()}
    if form.is_valid():
        definition = read_definition(installed_definitions()[form.cleaned_data["definition"]])
        result = estimate(definition, form.volume(), context["prices"])
        context |= {
            "estimate": result,
            "bars": bars(result),
            "notes": notes(result, context["prices"])[1:],
        }
    return render(request, "approvals/pricing.html", context)


def bars(result: Estimate) -> list[Bar]:
    """A bar for every variant; the highest total has the longest."""
    totals = (variant.total for variant in result.variants if not variant.impossible)
    highest = max(totals, default=Decimal(0))
    scale = BAR_LENGTH / highest if highest > 0 else Decimal(0)
    return [
        Bar(
            variant,
            round((variant.step_functions + variant.free_tier) * scale),
            round(variant.functions * scale),
        )
        for variant in result.variants
    ]
