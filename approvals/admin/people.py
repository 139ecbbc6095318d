"""People: their accounts, and their rights outside queues."""

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
from approvals.admin.fields import posted, sure
from approvals.admin.pages import Page, Tool
from approvals.admin.rights import actor, ensure_operator, rights
from approvals.exceptions import NotFound
from approvals.models import ApiToken, QueueMembership, User

LINK = (
    "Send this link to them over a channel you trust: whoever opens it first sets the password. It"
    " works once."
)


class NewUserForm(forms.Form):
    """Who is to have an account."""

    email = forms.EmailField(label="E-mail", help_text="They sign in with it.")
    name = forms.CharField(required=False, max_length=150)
    kind = forms.ChoiceField(choices=User.Kind.choices, help_text="A service only has API tokens.")


class RightForm(forms.Form):
    """A right outside queues."""

    right = forms.ChoiceField(choices=[(name, name) for name in policy.SITE_GROUPS])


class Users(Page):
    """Accounts. They are deactivated, never deleted: their decisions stay theirs."""

    list_display = ("email", "name", "kind", "is_active", "site_rights", "last_login")
    list_filter = ("is_active", "kind")
    search_fields = ("email",)
    search_help_text = "The beginning of an e-mail."
    ordering = ("email",)
    shows = ("email", "name", "kind", "is_active", "has_password", "site_rights", "last_login",
             "date_joined")  # fmt: skip
    chain = "user"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Users with their groups."""
        return User.objects.prefetch_related("groups")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """By the beginning of the e-mail."""
        if not search_term:
            return queryset, False
        return queryset.filter(email__startswith=search_term.strip().lower()), False

    def doors(self) -> list[URLPattern]:
        """Make, shut, open; rights; the link that sets a password."""
        return [
            self.door("add/", self.new, "new"),
            self.door("<uuid:key>/deactivate/", self.deactivate, "deactivate"),
            self.door("<uuid:key>/reactivate/", self.reactivate, "reactivate"),
            self.door("<uuid:key>/grant/", self.grant, "grant"),
            self.door("<uuid:key>/revoke/", self.revoke, "revoke"),
            self.door("<uuid:key>/invite/", self.invite, "invite"),
        ]

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """Operators add users."""
        return [self.tool("Add user", "new")] if rights(request).operates else []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What operators do with an account."""
        if not rights(request).operates:
            return []
        if not row.is_active:
            return [self.tool("Reactivate", "reactivate", row.pk)]
        invited = row.kind == User.Kind.PERSON and not row.has_usable_password()
        return [
            *([self.tool("Password link", "invite", row.pk)] if invited else []),
            self.tool("Grant site right", "grant", row.pk),
            self.tool("Revoke site right", "revoke", row.pk),
            self.tool("Deactivate", "deactivate", row.pk),
        ]

    def below(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Their roles and their tokens."""
        members = QueueMembership.objects.filter(user=row).select_related("queue", "user")
        return {
            "memberships": members.order_by("queue__name")[:200],
            "tokens": ApiToken.objects.filter(user=row).order_by("name")[:200],
        }

    def site_rights(self, user: User) -> str:
        """Their rights outside queues."""
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"

    def has_password(self, user: User) -> bool:
        """Whether they can sign in by one."""
        return user.has_usable_password()

    has_password.boolean = True  # type: ignore[attr-defined]

    def new(self, request: HttpRequest) -> HttpResponse:
        """Make an account; the page that answers shows the link that sets its password."""
        ensure_operator(request)

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            user = people.create(
                cleaned["email"],
                by=actor(request),
                kind=cleaned["kind"],
                name=cleaned["name"],
            )
            if user.kind == User.Kind.PERSON:
                return self._link(request, user)
            messages.success(request, f"{user.email} is made; now issue a token.")
            return redirect(self.address("change", user.pk))

        form, back = NewUserForm(posted(request)), self.address("changelist")
        return self.ask(request, form, act, title="Add user", button="Add", back=back)

    def deactivate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Shut an account."""
        return self._confirm(
            request,
            key,
            people.deactivate,
            "Deactivate",
            "Their sessions, API tokens and password end at once. Roles and rights stay, for the day"
            " the account is reactivated; then they set a new password.",
        )

    def reactivate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Open an account again."""
        return self._confirm(
            request,
            key,
            people.reactivate,
            "Reactivate",
            "Their roles and rights hold again. They need a new password link and new tokens.",
        )

    def grant(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Give a site right."""
        return self._right(request, key, people.grant_site, "Grant")

    def revoke(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Take a site right away."""
        return self._right(request, key, people.revoke_site, "Revoke")

    def invite(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Show a link that sets a password, once."""
        ensure_operator(request)
        user = _user(key)
        return self.ask(
            request,
            sure(request),
            lambda _: self._link(request, user),
            title=f"Password link for {user.email}",
            button="Make the link",
            says=LINK,
            back=self.address("change", key),
        )

    def _link(self, request: HttpRequest, user: User) -> HttpResponse:
        link = people.invite(user, by=actor(request))
        back = self.address("change", user.pk)
        return self.once(
            request, title=f"Password link for {user.email}", secret=link, says=LINK, back=back
        )

    def _confirm(
        self, request: HttpRequest, key: Any, verb: Callable[..., User], word: str, says: str
    ) -> HttpResponse:
        ensure_operator(request)
        user, back = _user(key), self.address("change", key)

        def act(_: dict[str, Any]) -> HttpResponse:
            verb(user, by=actor(request))
            messages.success(request, f"{user.email} is {word.lower()}d.")
            return redirect(back)

        title = f"{word} {user.email}"
        return self.ask(request, sure(request), act, title=title, button=word, says=says, back=back)

    def _right(
        self, request: HttpRequest, key: Any, verb: Callable[..., None], word: str
    ) -> HttpResponse:
        ensure_operator(request)
        user, back = _user(key), self.address("change", key)

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            verb(user, cleaned["right"], by=actor(request))
            messages.success(request, f"{word}: {cleaned['right']}, {user.email}.")
            return redirect(back)

        title = f"{word} a site right of {user.email}"
        return self.ask(
            request, RightForm(posted(request)), act, title=title, button=word, back=back
        )


def _user(key: Any) -> User:
    user = User.objects.filter(pk=key).first()
    if user is None:
        raise NotFound
    return user
