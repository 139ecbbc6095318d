"""API tokens and webhook secrets: issued and shown once, revoked for good. Neither is ever shown again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.html import format_html

from approvals.actions import credentials
from approvals.admin import formatting
from approvals.admin.fields import PersonField, posted, sure
from approvals.admin.pages import Page, Tool
from approvals.admin.rights import actor, ensure_operator, rights
from approvals.exceptions import NotFound
from approvals.models import ApiToken, ReviewQueue, User, WebhookSecret
from approvals.untrusted.display import visible

KEEP = "Copy it now: it is not stored, and nobody can show it again."


class TokenForm(forms.Form):
    """Whose token, what it is called, and what it may be used for."""

    person = PersonField(label="User", help_text="The e-mail of a person or a service.")
    name = forms.CharField(max_length=100, help_text="Where it is used, such as “nightly report”.")
    scopes = forms.MultipleChoiceField(
        required=False,
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="None means all that the user may do.",
    )


class SecretForm(forms.Form):
    """What a webhook secret is called, and whether it is good for one queue alone."""

    name = forms.CharField(max_length=100)
    queue = forms.ModelChoiceField(
        ReviewQueue.objects.order_by("name"),
        required=False,
        empty_label="all queues",
        to_field_name="slug",
    )


class Tokens(Page):
    """API tokens. Their key is a digest, which belongs in no address: they have no page of their own."""

    list_display = (
        formatting.text("name"),
        "user",
        "scopes",
        "created",
        "last_used_at",
        "expiry",
        "ended",
    )
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = "The e-mail of a user."
    ordering = ("-created", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Tokens without the first letters that knox keeps of them."""
        rows: QuerySet[ApiToken] = ApiToken.objects.defer("token_key")
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiToken], search_term: str
    ) -> tuple[QuerySet[ApiToken], bool]:
        """By the user's whole e-mail."""
        email = search_term.strip().lower()
        return (queryset.filter(user__email=email) if email else queryset), False

    def get_list_display(self, request: HttpRequest) -> Any:
        """For operators, each token with the page that ends it."""
        last = "ended" if rights(request).operates else "revoked_at"
        return (*self.list_display[:-1], last)

    def get_urls(self) -> list[URLPattern]:
        """No address of a row: it would hold the digest."""
        return [url for url in super().get_urls() if not str(url.name).endswith("_change")]

    def doors(self) -> list[URLPattern]:
        """Issue and revoke."""
        return [
            self.door("add/", self.issue, "new"),
            # The name in the query: as a part of the path, some names lead nowhere.
            self.door("<uuid:user_id>/revoke/", self.revoke, "revoke"),
        ]

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """Operators issue tokens."""
        return [self.tool("Issue a token", "new")] if rights(request).operates else []

    def ended(self, token: ApiToken) -> str:
        """When it was revoked; where it was not, the page that does it."""
        if token.revoked_at is not None:
            return f"revoked {token.revoked_at:%Y-%m-%d %H:%M} UTC"
        address = f"{self.address('revoke', token.user_id)}?{urlencode({'name': token.name})}"
        return format_html('<a href="{}">Revoke</a>', address)

    def issue(self, request: HttpRequest) -> HttpResponse:
        """Make a token; the page that answers shows it."""
        ensure_operator(request)

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            user = cleaned["person"]
            token = credentials.issue_token(
                user, cleaned["name"], by=actor(request), scopes=cleaned["scopes"]
            )
            title = f"Token {cleaned['name']} of {user.email}"
            back = self.address("changelist")
            return self.once(request, title=title, secret=token, says=KEEP, back=back)

        form, back = TokenForm(posted(request)), self.address("changelist")
        return self.ask(request, form, act, title="Issue a token", button="Issue", back=back)

    def revoke(self, request: HttpRequest, user_id: Any) -> HttpResponse:
        """End a token."""
        ensure_operator(request)
        name = request.GET.get("name", "")
        user = User.objects.filter(pk=user_id, auth_token_set__name=name).first()
        if user is None:
            raise NotFound
        shown = visible(name)

        def act(_: dict[str, Any]) -> HttpResponse:
            credentials.revoke_token(user, name, by=actor(request))
            messages.success(request, f"The token {shown} of {user.email} is revoked.")
            return redirect(self.address("changelist"))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"Revoke the token {shown} of {user.email}",
            button="Revoke",
            says="Programs that use it are refused from now on.",
            back=self.address("changelist"),
        )


class Secrets(Page):
    """Secrets of programs that decide by signed webhook."""

    list_display = ("name", "scope", "created_at", "created_by", "last_used_at", "revoked_at")
    list_filter = ("queue",)
    list_select_related = ("queue", "created_by")
    ordering = ("name", "-pk")
    shows = ("name", "scope", "created_at", "created_by", "last_used_at", "revoked_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookSecret]:
        """Without the sealed secret itself."""
        return WebhookSecret.objects.defer("sealed_secret")

    def doors(self) -> list[URLPattern]:
        """Issue and revoke."""
        return [
            self.door("add/", self.issue, "new"),
            self.door("<uuid:key>/revoke/", self.revoke, "revoke"),
        ]

    def list_tools(self, request: HttpRequest) -> list[Tool]:
        """Operators issue secrets."""
        return [self.tool("Issue a secret", "new")] if rights(request).operates else []

    def tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """Operators revoke secrets."""
        live = rights(request).operates and row.revoked_at is None
        return [self.tool("Revoke", "revoke", row.pk)] if live else []

    def scope(self, secret: WebhookSecret) -> str:
        """The queue it is good for."""
        return secret.queue.name if secret.queue else "all queues"

    def issue(self, request: HttpRequest) -> HttpResponse:
        """Make a secret; the page that answers shows it."""
        ensure_operator(request)

        def act(cleaned: dict[str, Any]) -> HttpResponse:
            queue = cleaned["queue"]
            secret = credentials.issue_secret(
                cleaned["name"],
                queue_slug=queue.slug if queue else None,
                by=actor(request),
            )
            title, back = f"Webhook secret {cleaned['name']}", self.address("changelist")
            return self.once(request, title=title, secret=secret, says=KEEP, back=back)

        form, back = SecretForm(posted(request)), self.address("changelist")
        return self.ask(request, form, act, title="Issue a secret", button="Issue", back=back)

    def revoke(self, request: HttpRequest, key: Any) -> HttpResponse:
        """End a secret."""
        ensure_operator(request)
        secret = WebhookSecret.objects.defer("sealed_secret").filter(pk=key).first()
        if secret is None:
            raise NotFound

        def act(_: dict[str, Any]) -> HttpResponse:
            credentials.revoke_secret(key, by=actor(request))
            messages.success(request, f"The secret {secret.name} is revoked.")
            return redirect(self.address("changelist"))

        return self.ask(
            request,
            sure(request),
            act,
            title=f"Revoke the webhook secret {secret.name}",
            button="Revoke",
            says="Webhooks signed with it are refused from now on.",
            back=self.address("change", key),
        )
