"""Reviews of the user's queues; approve and reject, for one or for several."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from approvals import policy, visibility
from approvals.actions import decisions, lifecycle
from approvals.admin import formatting
from approvals.admin.action_pages import Tool
from approvals.admin.bulk_action_page import BulkAction, BulkActionPage
from approvals.admin.fields import form_data, reason
from approvals.admin.permissions import Permissions, actor, permissions
from approvals.models import Decision, OutboxEntry, ReviewTask
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.records.callback_payloads import MAX_CAUSE
from approvals.untrusted.display import visible

REFERENCE, ERROR = formatting.text("reference"), formatting.text("error_name")
BULK_ACTIONS = {Outcome.APPROVED: "approve", Outcome.REJECTED: "reject"}


class ReasonForm(forms.Form):
    """The reason for all selected reviews; a queue may require one."""

    reason = reason(help_text="Goes to the workflow and into the audit trail.")


class ClosingForm(forms.Form):
    """Why the selected reviews are closed without a proof."""

    reason = reason(required=True, limit=lifecycle.MAX_REASON)


class OwnQueue(admin.SimpleListFilter):
    """Filter: a queue of the user."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Their queues."""
        return list(visibility.visible_queues(actor(request)).values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Reviews of that queue."""
        return queryset.filter(queue__slug=self.value()) if self.value() else queryset


class Reviews(BulkActionPage):
    """Reviews without their sealed columns; no shown column holds a task token."""

    list_title = "Reviews"
    actions = ("approve_selected", "reject_selected", "close_selected")
    list_display = (
        "heading", "queue", "status", REFERENCE, ERROR, "assignee",
        formatting.ago("received_at", "received"), formatting.ago("deadline_at", "deadline"),
    )  # fmt: skip
    list_filter = (OwnQueue, "status")
    list_select_related = ("queue", "assignee")
    search_fields = ("reference",)
    search_help_text = "A whole reference, or the id of a review."
    ordering = ("-received_at", "-id")
    row_fields = (
        "id", formatting.text("queue"), "status", REFERENCE, formatting.text("title"),
        formatting.text("customer"), "amount", "priority", ERROR, "cause",
        formatting.text("execution_arn"), formatting.text("definition_revision"),
        formatting.text("state_name"), formatting.when("received_at", "received"),
        formatting.when("deadline_at", "deadline"), "deadline_source", formatting.text("assignee"),
        formatting.when("lease_expires_at", "held until"), "version", "decided", "delivery",
        "content",
    )  # fmt: skip
    chain = "review"

    def may_view(self, granted: Permissions) -> bool:
        """Everybody who may enter the site; `get_queryset` has the reviews they may see."""
        return granted.enters

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReviewTask]:
        """The reviews this user may see; a list reads no payload."""
        rows = visibility.visible_reviews(actor(request)).without_secrets()
        return rows if self.is_row(request) else rows.defer("payload", "flags", "error_cause")

    def nothing_here(self, request: HttpRequest) -> str:
        """Why no review is listed: for most, because they have a role in no queue."""
        if permissions(request).has_queues:
            return "No review has come to your queues yet."
        return (
            "Reviews are listed for those who have a role in a queue, and you have none: a site right"
            " such as operator or auditor shows no review. An operator grants roles under Queue"
            " memberships."
        )

    def get_actions(self, request: HttpRequest) -> Any:
        """Actions are for members of queues alone: for others no review is listed."""
        return super().get_actions(request) if permissions(request).has_queues else {}

    def search(self, rows: QuerySet[ReviewTask], term: str) -> QuerySet[ReviewTask]:
        """Reviews with this id or reference; an index serves both."""
        try:
            return rows.filter(pk=UUID(term))
        except ValueError:
            return rows.filter(reference=term)

    def action_urls(self) -> list[URLPattern]:
        """Approve and reject, for reviewers; the query names the reviews: `?id=...&id=...`."""
        return [
            self.action_url(
                f"{name}/", partial(self.decide, outcome=outcome), name, operators=False
            )
            for outcome, name in BULK_ACTIONS.items()
        ] + [self.action_url("close/", self.close, "close", operators=False)]

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """A link to the desk; approve and reject, if the user may decide the review now."""
        desk = Tool("Open on the desk", reverse("review", args=[row.pk]))
        if row.status == ReviewTask.Status.UNPROVED:
            return [desk, Tool("Close", self.selection_url("close", [row.pk]))]
        if row.status != ReviewTask.Status.PENDING:
            return [desk]
        if not policy.may(Action.DECIDE, row, by=actor(request)).allowed:
            return [desk]
        return [
            desk,
            Tool("Approve", self.selection_url("approve", [row.pk])),
            Tool("Reject", self.selection_url("reject", [row.pk])),
        ]

    @admin.action(description="Approve…")
    def approve_selected(self, request: HttpRequest, rows: QuerySet[ReviewTask]) -> HttpResponse:
        """Go to the page that asks for the reason; nothing is done yet."""
        return self.to_selected(request, "approve", rows)

    @admin.action(description="Reject…")
    def reject_selected(self, request: HttpRequest, rows: QuerySet[ReviewTask]) -> HttpResponse:
        """Go to the page that asks for the reason; nothing is done yet."""
        return self.to_selected(request, "reject", rows)

    @admin.action(description="Close unproved…")
    def close_selected(self, request: HttpRequest, rows: QuerySet[ReviewTask]) -> HttpResponse:
        """Go to the page that asks for the reason; nothing is done yet."""
        return self.to_selected(request, "close", rows)

    def close(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, then close one unproved review after the other."""

        def verb(review: ReviewTask, typed: dict[str, Any]) -> None:
            lifecycle.close_unproved(review.pk, typed["reason"], by=actor(request))

        form = ClosingForm(form_data(request))
        return self.bulk_page(request, form, BulkAction(verb, "Close", "closed"))

    def decide(self, request: HttpRequest, *, outcome: Outcome) -> HttpResponse:
        """Ask for the reason, then decide one review after the other."""

        def verb(review: ReviewTask, typed: dict[str, Any]) -> None:
            wanted = decisions.DecisionRequest(reason=typed["reason"])
            decisions.decide(review.pk, outcome, by=actor(request), request=wanted)

        action = BulkAction(
            verb, "Approve" if outcome == Outcome.APPROVED else "Reject", str(outcome)
        )
        return self.bulk_page(request, ReasonForm(form_data(request)), action)

    def label_of(self, row: ReviewTask) -> str:
        """Its title, or its reference."""
        return row.heading

    # --- columns

    @admin.display(description="review")
    def heading(self, review: ReviewTask) -> str:
        """Its title or reference."""
        return visible(review.heading)[:80]

    @admin.display(description="error cause")
    def cause(self, review: ReviewTask) -> str:
        """The error that made the workflow ask for a review."""
        return formatting.block(review.error_cause[:MAX_CAUSE] or "none given")

    @admin.display(description="message")
    def content(self, review: ReviewTask) -> str:
        """The message; its token was redacted at intake."""
        whole = reverse("review_payload", args=[review.pk])
        return formatting.linked_document(review.payload, whole)

    @admin.display(description="decision")
    def decided(self, review: ReviewTask) -> str:
        """The decision: outcome, user, time and reason."""
        decision = review.decision
        if decision is None:
            return "none"
        who = decision.by.email if decision.by else "Countersign"
        when = formatting.moment(decision.decided_at)
        return formatting.block(f"{decision.outcome} by {who} at {when}\n{decision.reason}".strip())

    def delivery(self, review: ReviewTask) -> str:
        """Whether the decision has reached Step Functions."""
        decision = Decision.objects.filter(review=review, undone_at=None).values("pk")
        entry = OutboxEntry.objects.filter(kind="callback", subject__in=decision).first()
        return " / ".join(entry.delivery) if entry else "nothing to deliver"
