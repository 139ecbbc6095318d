"""The roles of users and groups in review queues."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from approvals.models.users import User


class QueueMembership(models.Model):
    """A role in a queue, for one user or for a group of them."""

    class Role(models.TextChoices):
        """What a member may do; `approvals.policy` has the list of actions."""

        VIEWER = "viewer"  # see the queue's reviews
        REVIEWER = "reviewer"  # and claim them, comment on them, decide them
        LEAD = "lead"  # and override another's claim

    queue = models.ForeignKey(
        "approvals.ReviewQueue", on_delete=models.PROTECT, related_name="memberships"
    )
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
                name="membership_of_a_user_or_a_group",
            ),
            models.UniqueConstraint(fields=["queue", "user"], name="one_role_a_user_and_queue"),
            models.UniqueConstraint(fields=["queue", "group"], name="one_role_a_group_and_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.role} of {self.queue}"
