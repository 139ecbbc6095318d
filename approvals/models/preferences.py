"""Preferences: how one person wants the desk to behave."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models


class Preference(models.Model):
    """A person's settings; without a row the defaults hold."""

    class Theme(models.TextChoices):
        """The colours of pages."""

        SYSTEM = "system", "as the device"
        LIGHT = "light", "light"
        DARK = "dark", "dark"

    class Density(models.TextChoices):
        """How much space lists take."""

        COMFORTABLE = "comfortable", "comfortable"
        COMPACT = "compact", "compact"

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "shortcuts", "auto_advance", "time_zone", "theme", "density", "undo_seconds",
    )  # fmt: skip

    user = models.OneToOneField(
        "approvals.User", primary_key=True, on_delete=models.PROTECT, related_name="preference"
    )
    shortcuts = models.BooleanField(default=True, db_default=True)
    auto_advance = models.BooleanField(default=True, db_default=True)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")  # an IANA name
    theme = models.CharField(
        max_length=12, choices=Theme.choices, default=Theme.SYSTEM, db_default=Theme.SYSTEM
    )
    density = models.CharField(
        max_length=12,
        choices=Density.choices,
        default=Density.COMFORTABLE,
        db_default=Density.COMFORTABLE,
    )
    # None: as long as the queue allows, which is never exceeded
    undo_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(3_600)]
    )

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
