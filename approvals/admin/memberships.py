"""Memberships: who has which role in which queue, a person or everybody with a site right."""

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
from approvals.admin.fields import PersonField, posted, sure
from approvals.admin.pages import Page, Tool
from approvals.admin.rights import actor, ensure_operator, rights
from approvals.exceptions import NotFound
from approvals.models import QueueMembership, ReviewQueue, User


class RoleForm(forms.Form):
    """A role in a queue."""

    role = forms.ChoiceField(choices=QueueMembership.Role.choices)


class MembershipForm(RoleForm):
    """Who gets a role in which queue: one person, or everybody with a site right."""

    queue = forms.ModelChoiceField(ReviewQueue.objects.order_by("name"), to_field_name="slug")
    person = PersonField(required=False, help_text="An e-mail; or choose a group below.")
    group = forms.ChoiceField(
        required=False, choices=[("", "nobody else"), *((n, n) for n in policy.SITE_GROUPS)]
    )

    field_order = ("person", "group", "queue", "role")

    def clean(self) -> dict[str, Any]:
        """Either a person or a group."""
        cleaned = super().clean() or {}
        if "person" not in self.errors and bool(cleaned.get("person")) == bool(cleaned["group"]):
            raise forms.ValidationError("Name either a person or a group.")
        return cleaned


class Memberships(Page):
    """Who has which role in which queue."""

    list_display = ("member", "queue", "role", "created_at")
    list_filter = ("role", "queue")
    list_select_related = ("queue", "user", "group")
    ordering = ("queue__name", "pk")
    shows = ("member", "queue", "role", "created_at")

    def doors(self) -> list[URLPattern]:
        """Grant, change, revoke."""
        return [
            self.door("add/", self.new, "new"),
            self.door("<int:key>/role/", self.change_role, "role"),
            self.door("<int:key>/revoke/", self.revoke, "revoke"),
        ]

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """Operators grant roles."""
        return [self.tool("Grant a role", "new")] if rights(request).operates else []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What operators do with a role."""
        if not rights(request).operates:
            return []
        return [self.tool("Change role", "role", row.pk), self.tool("Revoke", "revoke", row.pk)]

    def member(self, row: QueueMembership) -> str:
        """The person, or the group."""
        return row.user.email if row.user else f"everybody with the right {row.group}"

    def new(self, request: HttpRequest) -> HttpResponse:
        """Give a person or a group a role; who has one there gets this in its place."""
        ensure_operator(request)

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            member = cleaned["person"] or Group.objects.get(name=cleaned["group"])
            return self._grant(request, member, cleaned["queue"].slug, cleaned["role"])

        form, back = MembershipForm(posted(request)), self.address("changelist")
        return self.ask(request, form, act, title="Grant a role", button="Grant", back=back)

    def change_role(self, request: HttpRequest, key: int) -> HttpResponse:
        """Give another role in place of this one."""
        ensure_operator(request)
        row = _membership(key)
        form = RoleForm(posted(request), initial={"role": row.role})
        return self.ask(
            request,
            form,
            lambda cleaned: self._grant(request, _holder(row), row.queue.slug, cleaned["role"]),
            title=f"Change the role of {self.member(row)} in {row.queue}",
            button="Change",
            back=self.address("change", key),
        )

    def revoke(self, request: HttpRequest, key: int) -> HttpResponse:
        """Take the role away."""
        ensure_operator(request)
        row = _membership(key)

        def act(_: dict[str, Any]) -> HttpResponse:
            people.revoke(_holder(row), row.queue.slug, by=actor(request))
            messages.success(request, f"{self.member(row)} has no role in {row.queue} now.")
            return redirect(self.address("changelist"))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"Revoke the role {row.role} of {self.member(row)} in {row.queue}",
            button="Revoke",
            says="They no longer see this queue or its reviews. What they decided stays theirs.",
            back=self.address("change", key),
        )

    def _grant(self, request: HttpRequest, member: Any, slug: str, role: str) -> HttpResponse:
        verb: Callable[..., QueueMembership] = (
            people.grant_group if isinstance(member, Group) else people.grant
        )
        granted = verb(member, slug, role, by=actor(request))
        messages.success(request, f"{self.member(granted)}: {role} in {granted.queue}.")
        return redirect(self.address("change", granted.pk))


def _holder(row: QueueMembership) -> User | Group:
    holder = row.user or row.group
    if holder is None:
        raise NotFound
    return holder


def _membership(key: int) -> QueueMembership:
    found = QueueMembership.objects.select_related("queue", "user", "group").filter(pk=key).first()
    if found is None:
        raise NotFound
    return found
