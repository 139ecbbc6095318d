"""The form of a decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from approvals.actions.decisions import MAX_REASON, DecisionRequest
from approvals.actors import Actor
from approvals.models import ReviewTask
from approvals.models.reason_codes import MAX_CODE


class DecisionForm(forms.Form):
    """A reason, and in hidden fields the version and the lease that the person saw."""

    reason = forms.CharField(
        required=False, max_length=MAX_REASON, strip=False, widget=forms.Textarea
    )
    reason_code = forms.CharField(required=False, max_length=MAX_CODE)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    lease_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    override = forms.BooleanField(required=False)
    claim_again = forms.BooleanField(required=False)

    def decision_request(self) -> DecisionRequest:
        """The checked values for `decisions.decide`."""
        cleaned = self.cleaned_data
        return DecisionRequest(
            reason=cleaned["reason"].replace("\r\n", "\n"),
            reason_code=cleaned["reason_code"],
            version=cleaned["version"],
            lease_id=cleaned["lease_id"],
            override=cleaned["override"],
        )


def initial_form(
    review: ReviewTask,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    reason_needed: bool = False,
    has_codes: bool = False,
) -> DecisionForm:
    """The unsubmitted form for a review; only its holder's has the lease id, while the claim runs at `now`.

    `reason_needed` makes the browser ask for a reason, unless the person may choose a code; the verb checks it.
    """
    initial: dict[str, Any] = {"version": review.version, "reason": reason}
    if review.assignee_id == actor.person.pk and review.is_held(now):
        initial["lease_id"] = review.lease_id
    form = DecisionForm(initial=initial)
    form.fields["reason"].widget.attrs |= {
        "rows": 3,
        "class": "textarea w-full",
        "autofocus": not has_codes,
        "required": reason_needed and not has_codes,
    }
    return form
