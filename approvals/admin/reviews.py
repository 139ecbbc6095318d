"""Reviews: those of one's own queues, and the two answers, for one or for several."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from approvals import policy
from approvals.actions import decisions
from approvals.admin import formatting
from approvals.admin.fields import posted, reason
from approvals.admin.pages import Tool
from approvals.admin.rights import Rights, actor
from approvals.admin.row_actions import Deed, Several
from approvals.models import Decision, OutboxEntry, ReviewTask
from approvals.models.choices import Outcome
from approvals.policy import Action
from approvals.untrusted.display import visible

REFERENCE, ERROR = formatting.text("reference"), formatting.text("error_name")
DOORS = {Outcome.APPROVED: "approve", Outcome.REJECTED: "reject"}


class ReasonForm(forms.Form):
    """Why, for all of the reviews on the page; a queue may insist."""

    reason = reason(help_text="Goes to the workflow and into the audit trail.")


class OwnQueue(admin.SimpleListFilter):
    """The queues whose reviews one sees."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """By slug."""
        return list(policy.visible_queues(actor(request)).values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The reviews of that queue."""
        return queryset.filter(queue__slug=self.value()) if self.value() else queryset


class Reviews(Several):
    """Reviews, without what is sealed; a task token stands in none of these columns."""

    actions = ("approve_selected", "reject_selected")
    list_display = ("heading", "queue", "status", REFERENCE, ERROR, "assignee", "received_at",
                    "deadline_at")  # fmt: skip
    list_filter = (OwnQueue, "status")
    list_select_related = ("queue", "assignee")
    search_fields = ("reference",)
    search_help_text = "A whole reference, or the id of a review."
    ordering = ("-received_at", "-id")
    shows = ("id", formatting.text("queue"), "status", REFERENCE, formatting.text("title"),
             formatting.text("customer"),
             "amount", "priority", ERROR, "cause", formatting.text("execution_arn"),
             formatting.text("definition_revision"), formatting.text("state_name"), "received_at", "deadline_at",
             "deadline_source", formatting.text("assignee"), "lease_expires_at", "version", "decided", "delivery",
             "content")  # fmt: skip
    chain = "review"

    def sees(self, known: Rights) -> bool:
        """Everybody who enters; which reviews, `policy` says row by row."""
        return known.enters

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReviewTask]:
        """The reviews this person may see."""
        return policy.visible_reviews(actor(request)).without_secrets()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ReviewTask], search_term: str
    ) -> tuple[QuerySet[ReviewTask], bool]:
        """By what an index serves: a whole reference, or an id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            return queryset.filter(reference=term), False

    def doors(self) -> list[URLPattern]:
        """The two answers; which reviews, the address says: `?id=...&id=...`."""
        return [
            self.door(f"{name}/", partial(self.decide, outcome=outcome), name)
            for outcome, name in DOORS.items()
        ]

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """The desk's page, and the answers where there is something to decide."""
        desk = Tool("Open on the desk", reverse("review", args=[row.pk]))
        if row.status != ReviewTask.Status.PENDING:
            return [desk]
        if not policy.may(Action.DECIDE, row, by=actor(request)).allowed:
            return [desk]
        return [
            desk,
            Tool("Approve", self.chosen("approve", [row.pk])),
            Tool("Reject", self.chosen("reject", [row.pk])),
        ]

    @admin.action(description="Approve…")
    def approve_selected(self, request: HttpRequest, rows: QuerySet[ReviewTask]) -> HttpResponse:
        """To the page that asks for a reason and approves; nothing is done yet."""
        return self.picked(request, "approve", rows)

    @admin.action(description="Reject…")
    def reject_selected(self, request: HttpRequest, rows: QuerySet[ReviewTask]) -> HttpResponse:
        """To the page that asks for a reason and rejects; nothing is done yet."""
        return self.picked(request, "reject", rows)

    def decide(self, request: HttpRequest, *, outcome: Outcome) -> HttpResponse:
        """Ask for a reason, then decide one review after the other."""

        def verb(review: ReviewTask, typed: dict[str, Any]) -> None:
            wanted = decisions.DecisionRequest(reason=typed["reason"])
            decisions.decide(review.pk, outcome, by=actor(request), request=wanted)

        deed = Deed(verb, "Approve" if outcome == Outcome.APPROVED else "Reject", str(outcome))
        return self.each(request, ReasonForm(posted(request)), deed)

    def called(self, row: ReviewTask) -> str:
        """Its title, or its reference."""
        return row.heading

    # --- columns

    @admin.display(description="review")
    def heading(self, review: ReviewTask) -> str:
        """What the list calls it."""
        return visible(review.heading)[:80]

    @admin.display(description="error cause")
    def cause(self, review: ReviewTask) -> str:
        """Why the workflow asked."""
        return formatting.block(review.error_cause or "none given")

    @admin.display(description="message")
    def content(self, review: ReviewTask) -> str:
        """The message; its token was redacted at intake."""
        return formatting.block(formatting.document(review.payload))

    @admin.display(description="decision")
    def decided(self, review: ReviewTask) -> str:
        """Who decided what, when, and why."""
        decision = review.decision
        if decision is None:
            return "none"
        who = decision.by.email if decision.by else "Countersign"
        when = f"{decision.decided_at:%Y-%m-%d %H:%M:%S} UTC"
        return formatting.block(f"{decision.outcome} by {who} at {when}\n{decision.reason}".strip())

    def delivery(self, review: ReviewTask) -> str:
        """Whether the decision has reached Step Functions."""
        said = Decision.objects.filter(review=review, undone_at=None).values("pk")
        entry = OutboxEntry.objects.filter(kind="callback", subject__in=said).first()
        return " / ".join(entry.delivery) if entry else "nothing to deliver"
