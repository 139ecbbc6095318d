"""The quarantine: messages that could not become a review, whole and sealed, with the reason."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.models.ids import uuid7


class QuarantinedMessage(models.Model):
    """A message that left SQS without becoming a review. Its body may hold a token, so it is sealed."""

    class Origin(models.TextChoices):
        """The SQS queue it was received from."""

        QUEUE = "queue"  # the review queue's own
        DEAD_LETTERS = "dead_letters"  # its dead-letter queue

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    origin = models.CharField(
        max_length=12, choices=Origin.choices, default=Origin.QUEUE, db_default=Origin.QUEUE
    )
    queue = models.ForeignKey(
        "approvals.ReviewQueue", on_delete=models.PROTECT, related_name="quarantine"
    )
    raw_body = models.BinaryField()
    raw_body_sha256 = models.BinaryField(max_length=32)
    sealed_extras = models.BinaryField(
        null=True
    )  # attributes of the message, object of its S3 pointer
    raw_body_bytes = models.PositiveIntegerField()
    reason = models.CharField(max_length=40)
    explanation = models.CharField(max_length=300)
    sqs_message_id = models.CharField(max_length=100)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    replayed_at = models.DateTimeField(null=True, blank=True)
    replayed_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    replayed_as = models.ForeignKey(
        "approvals.ReviewTask", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    discarded_at = models.DateTimeField(null=True, blank=True)
    discarded_by = models.ForeignKey(
        "approvals.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    discard_reason = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "sqs_message_id", "raw_body_sha256"],
                name="quarantined_once_a_message",
            )
        ]
        indexes = [
            models.Index(
                F("received_at").desc(),
                F("id").desc(),
                condition=Q(replayed_at=None, discarded_at=None),
                name="quarantine_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.sqs_message_id}"
