"""Users: their accounts, and their rights outside queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals import policy
from approvals.actions import people
from approvals.admin.fields import empty_form, form_data
from approvals.admin.pages import Page, Tool, row_or_404
from approvals.admin.permissions import actor
from approvals.models import ApiToken, QueueMembership, User

LINK = (
    "Send this link to them over a channel you trust: the first who opens it sets the password. It"
    " works once."
)


class NewUserForm(forms.Form):
    """A new account."""

    email = forms.EmailField(label="E-mail", help_text="They sign in with it.")
    name = forms.CharField(required=False, max_length=150)
    kind = forms.ChoiceField(choices=User.Kind.choices, help_text="A service only has API tokens.")


class RightForm(forms.Form):
    """A right outside queues."""

    right = forms.ChoiceField(choices=[(name, name) for name in policy.SITE_GROUPS])


class Users(Page):
    """Accounts. They are deactivated, never deleted, because decisions refer to them."""

    list_display = ("email", "name", "kind", "is_active", "site_rights", "last_login")
    list_filter = ("is_active", "kind")
    search_fields = ("email",)
    search_help_text = "The beginning of an e-mail."
    ordering = ("email",)
    add_label = "Add user"
    row_fields = (
        "email", "name", "kind", "is_active", "has_password", "site_rights", "last_login",
        "date_joined",
    )  # fmt: skip
    chain = "user"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Users with their groups."""
        return User.objects.prefetch_related("groups")

    def search(self, rows: QuerySet[User], term: str) -> QuerySet[User]:
        """The users whose e-mail address begins so."""
        return rows.filter(email__startswith=term.lower())

    def action_urls(self) -> list[URLPattern]:
        """Create, deactivate and reactivate; site rights; the link that sets a password."""
        return [
            self.action_url("add/", self.new, "new"),
            self.action_url("<uuid:key>/deactivate/", self.deactivate, "deactivate"),
            self.action_url("<uuid:key>/reactivate/", self.reactivate, "reactivate"),
            self.action_url("<uuid:key>/grant/", self.grant, "grant"),
            self.action_url("<uuid:key>/revoke/", self.revoke, "revoke"),
            self.action_url("<uuid:key>/invite/", self.invite, "invite"),
        ]

    def operator_tools(self, row: Any) -> list[Tool]:
        """Reactivate a deactivated account; for others the rest of `action_urls`."""
        if not row.is_active:
            return [self.tool("Reactivate", "reactivate", row.pk)]
        invited = row.kind == User.Kind.PERSON and not row.has_usable_password()
        return [
            *([self.tool("Password link", "invite", row.pk)] if invited else []),
            self.tool("Grant site right", "grant", row.pk),
            self.tool("Revoke site right", "revoke", row.pk),
            self.tool("Deactivate", "deactivate", row.pk),
        ]

    def related(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Their roles and their API tokens."""
        members = QueueMembership.objects.filter(user=row).select_related("queue", "user")
        return {
            "memberships": members.order_by("queue__name")[:200],
            "tokens": ApiToken.objects.filter(user=row).order_by("name")[:200],
        }

    def site_rights(self, user: User) -> str:
        """Their rights outside queues."""
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"

    def has_password(self, user: User) -> bool:
        """Whether they can sign in with a password."""
        return user.has_usable_password()

    has_password.boolean = True  # type: ignore[attr-defined]

    def new(self, request: HttpRequest) -> HttpResponse:
        """Create an account; for a person the response shows the link that sets the password."""

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            user = people.create(
                cleaned["email"],
                by=actor(request),
                kind=cleaned["kind"],
                name=cleaned["name"],
            )
            if user.kind == User.Kind.PERSON:
                return self._link(request, user)
            messages.success(request, f"{user.email} is made; now issue a token.")
            return redirect(self.url_of("change", user.pk))

        form, back = NewUserForm(form_data(request)), self.url_of("changelist")
        return self.form_page(request, form, run, title="Add user", button="Add", back=back)

    def deactivate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Deactivate an account."""
        return self._confirm(
            request,
            key,
            people.deactivate,
            "Deactivate",
            "Their sessions, API tokens and password end at once. Roles and rights stay, for the day"
            " the account is reactivated; then they set a new password.",
        )

    def reactivate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Reactivate an account."""
        return self._confirm(
            request,
            key,
            people.reactivate,
            "Reactivate",
            "Their roles and rights hold again. They need a new password link and new tokens.",
        )

    def grant(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Grant a site right."""
        return self._right(request, key, people.grant_site, "Grant")

    def revoke(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Revoke a site right."""
        return self._right(request, key, people.revoke_site, "Revoke")

    def invite(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Make a link that sets a password, and show it once."""
        user = _user(key)
        return self.form_page(
            request,
            empty_form(request),
            lambda _: self._link(request, user),
            title=f"Password link for {user.email}",
            button="Make the link",
            description=LINK,
            back=self.url_of("change", key),
        )

    def _link(self, request: HttpRequest, user: User) -> HttpResponse:
        link = people.invite(user, by=actor(request))
        back = self.url_of("change", user.pk)
        return self.secret_page(
            request,
            title=f"Password link for {user.email}",
            secret=link,
            description=LINK,
            back=back,
        )

    def _confirm(
        self,
        request: HttpRequest,
        key: Any,
        verb: Callable[..., User],
        label: str,
        description: str,
    ) -> HttpResponse:
        user, back = _user(key), self.url_of("change", key)

        def run(_: dict[str, Any]) -> HttpResponse:
            verb(user, by=actor(request))
            messages.success(request, f"{user.email} is {label.lower()}d.")
            return redirect(back)

        title = f"{label} {user.email}"
        return self.form_page(
            request,
            empty_form(request),
            run,
            title=title,
            button=label,
            description=description,
            back=back,
        )

    def _right(
        self, request: HttpRequest, key: Any, verb: Callable[..., None], label: str
    ) -> HttpResponse:
        user, back = _user(key), self.url_of("change", key)

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            verb(user, cleaned["right"], by=actor(request))
            messages.success(request, f"{label}: {cleaned['right']}, {user.email}.")
            return redirect(back)

        title = f"{label} a site right of {user.email}"
        return self.form_page(
            request, RightForm(form_data(request)), run, title=title, button=label, back=back
        )


def _user(key: Any) -> User:
    return row_or_404(User.objects.all(), key)
