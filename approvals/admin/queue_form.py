"""The form of a queue's settings: in sections, each field with what it does and an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from approvals import arns
from approvals.admin.fields import DocumentField
from approvals.models import ReviewQueue

SETTINGS = (
    "name", "sqs_url", "region", "role_arn", "state_machine_arns", "timeout_seconds",
    "at_deadline", "heartbeat_seconds", "lease_seconds", "undo_seconds", "reject_as", "error_name",
    "escalate_to", "fields", "output_schema", "policy", "message_map", "pointer_buckets",
    "probe_with_heartbeats", "reason_codes", "allow_bulk",
)  # fmt: skip

# What the check of a connection needs; the columns of a ConnectionCheck's settings.
CHECKED = (
    "slug", "sqs_url", "region", "role_arn", "state_machine_arns", "timeout_seconds",
    "heartbeat_seconds",
)  # fmt: skip

HELP = {
    "slug": "The short name in addresses, commands and the API; it stays. For example: refunds",
    "name": "What people read above the list. For example: Refunds over 500 euros",
    "sqs_url": "The queue to which the state machine sends, as the SQS console shows it. For example:"
    " https://sqs.eu-west-1.amazonaws.com/123456789012/refunds",
    "region": "Leave it empty for the region that the URL names. For example: eu-west-1",
    "role_arn": "Only for a queue of another account: the role that is assumed for it. For example:"
    " arn:aws:iam::123456789012:role/countersign-reader",
    "state_machine_arns": "A list of the state machines whose messages are taken; empty takes all. For"
    ' example: ["arn:aws:states:eu-west-1:123456789012:stateMachine:refunds"]',
    "message_map": "Where your messages hold their fields, as JSON paths; empty for the usual names."
    " Keys: token, reference, title, deadline, execution. For example:"
    ' {"token": "$.callback.id", "reference": "$.refund.number"}',
    "pointer_buckets": "The S3 buckets to which a message may point instead of holding its content."
    ' For example: ["large-messages"]',
    "timeout_seconds": "How long Step Functions waits where a message does not say: TimeoutSeconds of"
    " the state. For example: 86400 for a day",
    "at_deadline": "What happens shortly before the deadline of a message: Leave lets the state time"
    " out; Reject and Approve decide it in the name of the system.",
    "heartbeat_seconds": "HeartbeatSeconds of the state, if it has any; Countersign then sends heartbeats"
    " while a review waits. Empty sends none. For example: 300",
    "probe_with_heartbeats": "Whether a heartbeat may be used to find out if AWS still waits, after the"
    " deadline of a message that names no execution.",
    "lease_seconds": "How long a claim holds a review for one person before it must be extended. For"
    " example: 600 for ten minutes",
    "undo_seconds": "How long a decision can be undone before it is sent. 0 sends it at once. For"
    " example: 10",
    "reject_as": "How the workflow learns of a rejection: Failure ends the state with an error that a"
    " Catch may take; Result lets it go on with \u201capproved\u201d: false.",
    "error_name": "The error of a rejection that is sent as a failure, for ErrorEquals of a Catch. For"
    " example: ReviewRejected",
    "escalate_to": "The queue to whose leads a review is escalated; empty for this queue's own leads.",
    "policy": "When a reviewer must give a reason. For example:"
    ' {"reason_required_for": ["rejected"]}',
    "reason_codes": "The reasons from which reviewers choose, with a text they may start from. For"
    ' example: [{"code": "fraud", "label": "Fraud", "template": "The card is stolen.", "outcomes":'
    ' ["rejected"]}]',
    "allow_bulk": "Whether reviewers may decide many of its reviews at once, with one reason.",
    "output_schema": "A JSON Schema of the edits that a reviewer may send along; empty takes no edits."
    ' For example: {"type": "object", "properties": {"amount": {"type": "number"}}}',
    "fields": "What the values of a message mean: label, kind (money, date, text, lines, address), role"
    " (amount, customer), sensitive, flag_when. For example:"
    ' [{"path": "input.total", "label": "Total", "kind": "money", "role": "amount"}]',
}


@dataclass(frozen=True)
class Section:
    """Some fields of a form under a heading, with a sentence on what they are for."""

    title: str
    about: str
    fields: list[Any]


SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Queue", "What people call it.", ("name", "slug")),
    (
        "Where its messages come from",
        "The SQS queue, and who may send to it. Check connection, below, asks AWS before all is saved.",
        ("sqs_url", "region", "role_arn", "state_machine_arns", "message_map", "pointer_buckets"),
    ),
    (
        "Times",
        "All in seconds.",
        (
            "timeout_seconds", "at_deadline", "heartbeat_seconds", "probe_with_heartbeats",
            "lease_seconds", "undo_seconds",
        ),
    ),
    (
        "Decisions",
        "What reviewers must give, and what the workflow gets.",
        (
            "reject_as", "error_name", "policy", "reason_codes", "output_schema", "escalate_to",
            "allow_bulk",
        ),
    ),
    ("What its messages say", "Which values are shown, sorted by and flagged.", ("fields",)),
)  # fmt: skip


class QueueForm(forms.ModelForm):  # type: ignore[type-arg]
    """All settings of a queue. The model validates them here, and again in the verb that stores them."""

    sqs_url = forms.URLField(label="SQS URL", max_length=500, assume_scheme="https")
    region = forms.CharField(max_length=30, required=False)
    state_machine_arns = DocumentField(empty=[], label="State machines")
    fields = DocumentField(empty=[])  # type: ignore[assignment]  # the column of that name, not the form's
    output_schema = DocumentField(empty=None)
    message_map = DocumentField(empty={})
    pointer_buckets = DocumentField(empty=[])
    policy = DocumentField(empty={})
    reason_codes = DocumentField(empty=[])

    class Meta:
        model = ReviewQueue
        fields = ("slug", *SETTINGS)
        labels = {"role_arn": "Role", "reject_as": "A rejection is sent as"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named: Any = self.fields  # the form's own dictionary, whatever the class calls `fields`
        for name, field in named.items():
            field.help_text = HELP.get(name, field.help_text)
        if not self.instance._state.adding:
            named["slug"].disabled = True
            others = ReviewQueue.objects.exclude(pk=self.instance.pk)
            named["escalate_to"].queryset = others.order_by("name")

    def clean(self) -> dict[str, Any]:
        """The region that the URL names, where none was typed."""
        cleaned = super().clean() or {}
        if not cleaned.get("region") and "sqs_url" in cleaned:
            cleaned["region"] = arns.region_of_sqs_url(cleaned["sqs_url"])
            if not cleaned["region"]:
                self.add_error("region", "The URL names no region: type it here.")
        return cleaned

    def sections(self) -> list[Section]:
        """Its fields under their headings; a field that no section names stands under the last one."""
        named = {name for _, _, names in SECTIONS for name in names}
        found = [
            Section(title, about, [self[n] for n in names]) for title, about, names in SECTIONS
        ]
        others = [field for field in self if field.name not in named]
        return [*found, Section("Other", "", others)] if others else found

    def changes(self) -> dict[str, Any]:
        """The settings that were changed in the form, with their values."""
        changed = SETTINGS if self.instance._state.adding else [*self.changed_data, "region"]
        return {name: self.cleaned_data[name] for name in changed if name != "slug"}

    def checked_settings(self) -> dict[str, Any]:
        """What is asked about before it is saved; all of it is valid."""
        return {name: self.cleaned_data[name] for name in CHECKED}
