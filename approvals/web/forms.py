"""What a reviewer types: the checked form of a ruling, before a verb judges it."""

from __future__ import annotations

from typing import Any

from django import forms

from approvals.actions.decisions import MAX_REASON, Ruling
from approvals.models import ReviewTask, User


class RulingForm(forms.Form):
    """A reason or note, and in hidden fields what its writer had before their eyes."""

    reason = forms.CharField(
        required=False, max_length=MAX_REASON, strip=False, widget=forms.Textarea
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    lease_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    override = forms.BooleanField(required=False)

    def ruling(self, signed_in: str) -> Ruling:
        """The checked values as the verbs take them."""
        cleaned = self.cleaned_data
        return Ruling(
            reason=cleaned["reason"].replace("\r\n", "\n"),
            version=cleaned["version"],
            lease_id=cleaned["lease_id"],
            override=cleaned["override"],
            signed_in=signed_in,
        )


def blank(review: ReviewTask, user: User, *, reason: str = "", needed: bool = False) -> RulingForm:
    """A form on a review as it is now; the lease goes into its holder's form only.

    `needed` says that the queue asks for a reason: the browser reminds, the verb judges.
    """
    initial: dict[str, Any] = {"version": review.version, "reason": reason}
    if review.assignee_id == user.pk:
        initial["lease_id"] = review.lease_id
    form = RulingForm(initial=initial)
    form.fields["reason"].widget.attrs |= {
        "rows": 4,
        "class": "textarea w-full",
        "autofocus": True,
        "required": needed,
    }
    return form
