"""People and services that sign in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from approvals.models.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Creates users; the e-mail is stored in lower case, so that a login has one spelling."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; without a password nobody can sign in as them until one is set."""
        user = self.build_user(email, password, **fields)
        user.save()
        return user

    def build_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user as `create_user` creates one, validated but not saved. Raises ValidationError."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a superuser, as Django's tools expect; it gives no right here, in queues or outside."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of this e-mail, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]
    """A person or a service. Users are deactivated, never deleted: their decisions stay theirs."""

    class Kind(models.TextChoices):
        """Whether a human being or a program acts."""

        PERSON = "person"  # signs in with a password
        SERVICE = "service"  # a program; it uses API tokens

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
