"""Memberships: roles in queues, of a user or of everybody with a site right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals import policy
from approvals.actions import people
from approvals.admin import formatting
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.fields import PersonField, empty_form, form_data
from approvals.admin.pages import Page
from approvals.admin.permissions import actor
from approvals.exceptions import NotFound
from approvals.models import QueueMembership, ReviewQueue, User


class RoleForm(forms.Form):
    """A role in a queue."""

    role = forms.ChoiceField(choices=QueueMembership.Role.choices)


class MembershipForm(RoleForm):
    """A role in a queue for a user or for everybody with a site right."""

    queue = forms.ModelChoiceField(ReviewQueue.objects.order_by("name"), to_field_name="slug")
    person = PersonField(required=False, help_text="An e-mail; or choose a group below.")
    group = forms.ChoiceField(
        required=False, choices=[("", "nobody else"), *((n, n) for n in policy.SITE_GROUPS)]
    )

    field_order = ("person", "group", "queue", "role")

    def clean(self) -> dict[str, Any]:
        """Either a person or a group."""
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("person")) == bool(cleaned.get("group")):
            raise forms.ValidationError("Name either a person or a group.")
        return cleaned


class Memberships(Page):
    """Roles in queues, by queue."""

    list_display = ("member", "queue", "role", formatting.ago("created_at", "granted"))
    empty = "Nobody has a role in a queue yet: grant one with the button above."
    list_filter = ("role", "queue")
    list_select_related = ("queue", "user", "group")
    ordering = ("queue__name", "pk")
    add_label = "Grant a role"
    row_fields = ("member", "queue", "role", formatting.when("created_at", "granted"))

    def action_urls(self) -> list[URLPattern]:
        """Grant, change, revoke."""
        return [
            self.action_url("add/", self.new, "new"),
            self.action_url("<int:key>/role/", self.change_role, "role"),
            self.action_url("<int:key>/revoke/", self.revoke, "revoke"),
        ]

    def operator_tools(self, row: Any) -> list[Tool]:
        """Change and revoke."""
        return [self.tool("Change role", "role", row.pk), self.tool("Revoke", "revoke", row.pk)]

    def member(self, row: QueueMembership) -> str:
        """The person, or the group."""
        return row.user.email if row.user else f"everybody with the right {row.group}"

    def new(self, request: HttpRequest) -> HttpResponse:
        """Grant a role, in place of one that the user or the group has in that queue."""

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            member = cleaned["person"] or Group.objects.get(name=cleaned["group"])
            return self._grant(request, member, cleaned["queue"].slug, cleaned["role"])

        form, back = MembershipForm(form_data(request)), self.url_of("changelist")
        return self.form_page(request, form, run, title="Grant a role", button="Grant", back=back)

    def change_role(self, request: HttpRequest, key: int) -> HttpResponse:
        """Grant another role in place of this one."""
        row = _membership(key)
        form = RoleForm(form_data(request), initial={"role": row.role})
        return self.form_page(
            request,
            form,
            lambda cleaned: self._grant(request, _holder(row), row.queue.slug, cleaned["role"]),
            title=f"Change the role of {self.member(row)} in {row.queue}",
            button="Change",
            back=self.url_of("change", key),
        )

    def revoke(self, request: HttpRequest, key: int) -> HttpResponse:
        """Revoke the role."""
        row = _membership(key)

        def run(_: dict[str, Any]) -> HttpResponse:
            people.revoke(_holder(row), row.queue.slug, by=actor(request))
            messages.success(request, f"{self.member(row)} has no role in {row.queue} now.")
            return redirect(self.url_of("changelist"))

        return self.form_page(
            request,
            empty_form(request),
            run,
            title=f"Revoke the role {row.role} of {self.member(row)} in {row.queue}",
            button="Revoke",
            description="They no longer see this queue or its reviews. What they decided stays theirs.",
            back=self.url_of("change", key),
        )

    def _grant(self, request: HttpRequest, member: Any, slug: str, role: str) -> HttpResponse:
        verb: Callable[..., QueueMembership] = (
            people.grant_group if isinstance(member, Group) else people.grant
        )
        granted = verb(member, slug, role, by=actor(request))
        messages.success(request, f"{self.member(granted)}: {role} in {granted.queue}.")
        return redirect(self.url_of("change", granted.pk))


def _holder(row: QueueMembership) -> User | Group:
    holder = row.user or row.group
    if holder is None:
        raise NotFound
    return holder


def _membership(key: int) -> QueueMembership:
    return row_or_404(QueueMembership.objects.select_related("queue", "user", "group"), key)
