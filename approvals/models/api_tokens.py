"""Bearer tokens of the REST API."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from knox.models import AbstractAuthToken, AuthTokenManager

from approvals.models.users import User


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """A bearer token of a user, stored as a digest; `scopes` empty means all the user's rights."""

    class Scope(models.TextChoices):
        """What a token may be used for, within its user's rights."""

        READ = "read"  # every GET
        DECIDE = "decide"  # claim reviews, comment on them, decide them
        ORDERS = "orders"  # start orders, restart and stop them

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="auth_token_set")
    name = models.CharField(max_length=100)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope.choices), default=list, blank=True
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AuthTokenManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="api_token_name_once_a_user")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user.email}"
