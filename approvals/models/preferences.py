"""Preferences: how one person wants the desk to behave."""

from __future__ import annotations

from django.db import models


class Preference(models.Model):
    """A person's settings; without a row the defaults hold."""

    user = models.OneToOneField(
        "approvals.User", primary_key=True, on_delete=models.PROTECT, related_name="preference"
    )
    shortcuts = models.BooleanField(default=True, db_default=True)
    auto_advance = models.BooleanField(default=True, db_default=True)

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
