"""Rollups of decisions: how many were made in each hour and day, by error and by reviewer, and how fast."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
#: Upper bounds, in seconds, of the classes of the time to decide; the last class, after them, has no bound.
BOUNDS = (
    *(5, 10, 20, 30, 45, _MINUTE),
    *(90, 2 * _MINUTE, 3 * _MINUTE, 5 * _MINUTE, 8 * _MINUTE, 12 * _MINUTE, 20 * _MINUTE),
    *(30 * _MINUTE, 45 * _MINUTE, _HOUR, 90 * _MINUTE, 2 * _HOUR, 3 * _HOUR, 5 * _HOUR),
    *(8 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY),
)
#: Stands for the errors of a period beyond the most frequent ones.
OTHER_ERRORS = "(other errors)"


class DecisionRollup(models.Model):
    """The decisions of a queue in an hour or a day (UTC) with one error name, or by one reviewer.

    Each decision counts in two rows of its hour and two of its day: one of each facet. `approved` and
    `rejected` are without those undone, and so is `decided_within`: how many reviews were decided within
    each of BOUNDS from their arrival, and after the last. What follows it is in rows of a reviewer's hour
    alone, about the pages of the desk alone: `active_minutes` has bit m set if something was decided in
    minute m; a run is a series of the same outcome, the first and the last with its length, negative for
    rejections, and the length of the longest.
    """

    class Period(models.TextChoices):
        """How long a row's period is."""

        HOUR = "hour"
        DAY = "day"

    class Facet(models.TextChoices):
        """What a row's decisions have in common."""

        ERROR = "error"  # the error name of their reviews; the row has no reviewer
        REVIEWER = "reviewer"  # who decided; null for the service itself. The row has no error name

    period = models.CharField(max_length=4, choices=Period.choices)
    starts_at = models.DateTimeField()
    queue = models.ForeignKey(
        "approvals.ReviewQueue",
        db_index=False,  # periods are asked for first: the constraint has an index of them
        on_delete=models.PROTECT,
        related_name="+",
    )
    facet = models.CharField(max_length=8, choices=Facet.choices)
    error_name = models.CharField(max_length=256, blank=True)
    reviewer = models.ForeignKey(
        "approvals.User", null=True, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    approved = models.IntegerField()
    rejected = models.IntegerField()
    undone = models.IntegerField()
    quick = models.IntegerField()  # decided in less than QUICK after the claim, on the desk
    decided_within = ArrayField(models.IntegerField())
    active_minutes = models.BigIntegerField(default=0)
    runs = models.IntegerField(default=0)
    first_run = models.IntegerField(default=0)
    last_run = models.IntegerField(default=0)
    longest_run = models.IntegerField(default=0)
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["period", "starts_at", "queue", "facet", "error_name", "reviewer"],
                nulls_distinct=False,
                name="one_rollup_a_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.queue}, {self.period} {self.starts_at:%Y-%m-%d %H:%M}"
