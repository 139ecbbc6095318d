"""The form of a decision: what a reviewer types, checked before the verb judges it."""

from __future__ import annotations

from typing import Any

from django import forms

from approvals.actions.decisions import MAX_REASON, DecisionRequest
from approvals.actors import Actor
from approvals.models import ReviewTask


class DecisionForm(forms.Form):
    """A reason, and in hidden fields the version and the claim that its writer saw."""

    reason = forms.CharField(
        required=False, max_length=MAX_REASON, strip=False, widget=forms.Textarea
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    lease_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    override = forms.BooleanField(required=False)

    def decision_request(self) -> DecisionRequest:
        """The checked values as `decisions.decide` takes them."""
        cleaned = self.cleaned_data
        return DecisionRequest(
            reason=cleaned["reason"].replace("\r\n", "\n"),
            version=cleaned["version"],
            lease_id=cleaned["lease_id"],
            override=cleaned["override"],
        )


def blank(
    review: ReviewTask, actor: Actor, *, reason: str = "", needed: bool = False
) -> DecisionForm:
    """A form on a review as it is now; the lease goes into its holder's form only.

    `needed` says that the queue asks for a reason: the browser reminds, the verb judges.
    """
    initial: dict[str, Any] = {"version": review.version, "reason": reason}
    if review.assignee_id == actor.person.pk:
        initial["lease_id"] = review.lease_id
    form = DecisionForm(initial=initial)
    form.fields["reason"].widget.attrs |= {
        "rows": 4,
        "class": "textarea w-full",
        "autofocus": True,
        "required": needed,
    }
    return form
