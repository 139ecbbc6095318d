"""Users: their accounts, and their rights outside queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from approvals import policy
from approvals.actions import people
from approvals.admin import formatting
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.fields import empty_form, form_data
from approvals.admin.pages import Page
from approvals.admin.permissions import actor
from approvals.exceptions import Invalid
from approvals.models import ApiToken, QueueMembership, ReviewQueue, User

LINK = (
    "Send this link to them over a channel you trust: the first who opens it sets the password. It"
    " works once."
)


class NewUserForm(forms.Form):
    """An account with a first role: made if there is none with this e-mail address."""

    email = forms.EmailField(
        label="E-mail",
        help_text="They sign in with it. For somebody who has an account, only the role and the right"
        " below are granted.",
    )
    name = forms.CharField(required=False, max_length=150, help_text="For example: Ada Lovelace")
    kind = forms.ChoiceField(choices=User.Kind.choices, help_text="A service only has API tokens.")
    queue = forms.ModelChoiceField(
        ReviewQueue.objects.order_by("name"),
        required=False,
        to_field_name="slug",
        empty_label="no queue yet",
        help_text="Others can be granted later.",
    )
    role = forms.ChoiceField(
        choices=[("", "no role yet"), *QueueMembership.Role.choices],
        required=False,
        help_text="A viewer looks, a reviewer decides, a lead also takes over and operates the queue.",
    )
    right = forms.ChoiceField(
        choices=[("", "none"), *((name, name) for name in policy.SITE_GROUPS)],
        required=False,
        label="Site right",
        help_text="Orders sees and starts orders, auditor looks at everything recorded, operator sets"
        " up this service.",
    )

    def clean(self) -> dict[str, Any]:
        """A queue and a role, or neither."""
        cleaned = super().clean() or {}
        if bool(cleaned.get("queue")) != bool(cleaned.get("role")):
            raise forms.ValidationError("Choose both a queue and a role in it, or neither.")
        return cleaned


class RightForm(forms.Form):
    """A right outside queues."""

    right = forms.ChoiceField(choices=[(name, name) for name in policy.SITE_GROUPS])


class Users(Page):
    """Accounts. They are deactivated, never deleted, because decisions refer to them."""

    list_display = (
        "email",
        "name",
        "kind",
        "is_active",
        "site_rights",
        formatting.ago("last_login"),
    )
    list_filter = ("is_active", "kind")
    search_fields = ("email",)
    search_help_text = "The beginning of an e-mail."
    ordering = ("email",)
    add_label = "Add user"
    row_fields = (
        "email", "name", "kind", "is_active", "has_password", "site_rights",
        formatting.when("last_login"), formatting.when("date_joined", "made"),
    )  # fmt: skip
    chain = "user"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Users with their rights outside queues."""
        groups = Group.objects.filter(user=OuterRef("pk")).order_by("name")
        return User.objects.annotate(right_names=ArraySubquery(groups.values("name")))

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
        return ", ".join(getattr(user, "right_names", ())) or "none"

    def has_password(self, user: User) -> bool:
        """Whether they can sign in with a password."""
        return user.has_usable_password()

    has_password.boolean = True  # type: ignore[attr-defined]

    def new(self, request: HttpRequest) -> HttpResponse:
        """Create an account and grant its first role and right, each by the verb of the command `grant`.

        For a person without a password the response shows the link that sets one.
        """

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            known = User.objects.filter(email=cleaned["email"].lower()).first()
            if known is not None and not (cleaned["role"] or cleaned["right"]):
                raise Invalid(f"{known.email} has an account already: choose a role or a right.")
            user = known or people.create(
                cleaned["email"],
                by=actor(request),
                kind=cleaned["kind"],
                name=cleaned["name"],
            )
            self._grant_first(request, user, cleaned)
            if user.kind == User.Kind.PERSON and user.is_active and not user.has_usable_password():
                return self._link(request, user)
            if user.kind == User.Kind.SERVICE and known is None:
                messages.success(request, f"{user.email} is made; now issue a token.")
            return redirect(self.url_of("change", user.pk))

        form, back = NewUserForm(form_data(request)), self.url_of("changelist")
        return self.form_page(
            request, form, run, title="Add user or grant a role", button="Add", back=back
        )

    def _grant_first(self, request: HttpRequest, user: User, cleaned: dict[str, Any]) -> None:
        if cleaned["role"]:
            people.grant(user, cleaned["queue"].slug, cleaned["role"], by=actor(request))
            messages.success(request, f"{user.email}: {cleaned['role']} in {cleaned['queue']}.")
        if cleaned["right"]:
            people.grant_site(user, cleaned["right"], by=actor(request))
            messages.success(request, f"{user.email}: {cleaned['right']}.")

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
