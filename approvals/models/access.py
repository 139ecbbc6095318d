"""Who may come in: people and services, their API tokens, and their roles in queues."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from knox.models import AbstractAuthToken, AuthTokenManager

from approvals.models.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Makes users; the e-mail is stored in lower case, so that a login has one spelling."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user; without a password nobody can sign in as them until one is set."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a superuser, as Django's tools expect; it gives no right here, in queues or outside."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of this e-mail, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]
    """A person or a service. Users are deactivated, never deleted: their decisions stay theirs."""

    class Kind(models.TextChoices):
        """Whether a human being or a program acts."""

        PERSON = "person"
        SERVICE = "service"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower(F("email"))), name="user_email_is_lower")
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def display(self) -> str:
        """The name a page shows: the person's own, else the part of the e-mail before the @."""
        return self.name or self.email.split("@", 1)[0]


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """A bearer token of a user, stored as a digest; `scopes` empty means all the user's rights."""

    class Scope(models.TextChoices):
        """What a token may be used for, within its user's rights."""

        READ = "read"
        DECIDE = "decide"
        ORDERS = "orders"

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


class QueueMembership(models.Model):
    """A role in a queue, for one user or for a group of them."""

    class Role(models.TextChoices):
        """What a member may do: see; decide; decide and override another's claim."""

        VIEWER = "viewer"
        REVIEWER = "reviewer"
        LEAD = "lead"

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
