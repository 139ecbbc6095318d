"""Interventions: redrives and stops of orders that a person asked for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7
from approvals.models.order_executions import OrderExecution


class OrderIntervention(models.Model):
    """A redrive or stop of an order's execution. It is open until Step Functions' answer is known."""

    class Kind(models.TextChoices):
        """The call to Step Functions."""

        REDRIVE = "redrive"  # RedriveExecution: go on from the state that failed
        STOP = "stop"  # StopExecution

    class Outcome(models.TextChoices):
        """How it ended."""

        DONE = "done"  # Step Functions has carried it out
        TOO_LATE = "too_late"  # no effect: the execution had ended, or ran again, before
        NEW_ATTEMPT = "new_attempt"  # not redrivable: a new attempt was started instead
        REFUSED = "refused"  # Step Functions would not do it

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(
        OrderExecution, on_delete=models.PROTECT, related_name="interventions"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.TextField(blank=True)
    created_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    # How often the execution had been redriven when the first call was about to be made: more than
    # that later on is the proof that a call whose answer was lost has worked.
    redrives_before = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(ended_at=None), name="order_one_hand_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="")
                | (Q(ended_at__isnull=False) & ~Q(outcome="")),
                name="intervention_ended_has_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.order_id}: {self.outcome or 'open'}"
