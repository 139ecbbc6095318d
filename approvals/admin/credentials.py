"""API tokens and webhook secrets: shown once when they are issued, and revoked for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html

from approvals.actions import credentials
from approvals.admin import formatting
from approvals.admin.action_pages import Tool, row_or_404
from approvals.admin.fields import PersonField, empty_form, form_data
from approvals.admin.pages import Page
from approvals.admin.permissions import actor, permissions
from approvals.exceptions import NotFound
from approvals.models import ApiToken, ReviewQueue, User, WebhookSecret
from approvals.untrusted.display import visible

SOON = timedelta(days=30)
ONLY_A_DIGEST = "Copy it now: only its digest is stored, and nobody can show it again."
SEALED = "Copy it now: it is stored sealed, to check signatures with, and nobody can show it again."


class TokenForm(forms.Form):
    """The user of a token, its name and its scopes."""

    person = PersonField(
        label="User",
        help_text="The e-mail of a service. People issue their own on the desk, under Settings, API tokens.",
    )
    name = forms.CharField(max_length=100, help_text="Where it is used, such as “nightly report”.")
    scopes = forms.MultipleChoiceField(
        required=False,
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="None means all that the user may do.",
    )


class SecretForm(forms.Form):
    """The name of a webhook secret, and its queue if it is good for one alone."""

    name = forms.CharField(max_length=100)
    queue = forms.ModelChoiceField(
        ReviewQueue.objects.order_by("name"),
        required=False,
        empty_label="all queues",
        to_field_name="slug",
    )


class Tokens(Page):
    """API tokens. Their primary key is a digest, which no URL may hold: they have no page of a row."""

    list_display = (
        formatting.text("name"),
        "user",
        "scopes",
        formatting.ago("created", "issued"),
        formatting.ago("last_used_at", "last used"),
        "expires",
        "ended",
    )
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = "The e-mail of a user."
    ordering = ("-created", "pk")
    list_title = "API tokens"
    add_label = "Issue a token"
    empty = "No API token yet: programs that call the API need one, and people may issue their own."

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Tokens without the first letters that knox keeps of them."""
        rows: QuerySet[ApiToken] = ApiToken.objects.defer("token_key")
        return rows

    def search(self, rows: QuerySet[ApiToken], term: str) -> QuerySet[ApiToken]:
        """The tokens of the user with this e-mail address."""
        return rows.filter(user__email=term.lower())

    def get_list_display(self, request: HttpRequest) -> Any:
        """For operators, with a link that revokes each token."""
        last = "ended" if permissions(request).operates else formatting.ago("revoked_at", "revoked")
        return (*self.list_display[:-1], last)

    def get_urls(self) -> list[URLPattern]:
        """Without the URL of a row, which would hold the digest."""
        return [url for url in super().get_urls() if not str(url.name).endswith("_change")]

    def action_urls(self) -> list[URLPattern]:
        """Issue and revoke."""
        return [
            self.action_url("add/", self.issue, "new"),
            # The name is in the query: some names cannot be part of a path.
            self.action_url("<uuid:user_id>/revoke/", self.revoke, "revoke"),
        ]

    def expires(self, token: ApiToken) -> str:
        """The day on which it expires, with a warning in its last month."""
        if token.expiry is None:
            return "never"
        left = token.expiry - timezone.now()
        warning = "expired " if left <= timedelta() else "soon: " if left <= SOON else ""
        return f"{warning}{token.expiry:%Y-%m-%d}"

    def ended(self, token: ApiToken) -> str:
        """When it was revoked, or a link to the page that revokes it."""
        if token.revoked_at is not None:
            return f"revoked {formatting.moment(token.revoked_at)}"
        url = f"{self.url_of('revoke', token.user_id)}?{urlencode({'name': token.name})}"
        return format_html('<a href="{}">Revoke</a>', url)

    def issue(self, request: HttpRequest) -> HttpResponse:
        """Issue a token; the response shows it once."""

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            user = cleaned["person"]
            token = credentials.issue_token(
                user, cleaned["name"], by=actor(request), scopes=cleaned["scopes"]
            )
            title = f"Token {cleaned['name']} of {user.email}"
            back = self.url_of("changelist")
            return self.secret_page(
                request, title=title, secret=token, description=ONLY_A_DIGEST, back=back
            )

        form, back = TokenForm(form_data(request)), self.url_of("changelist")
        return self.form_page(request, form, run, title="Issue a token", button="Issue", back=back)

    def revoke(self, request: HttpRequest, user_id: Any) -> HttpResponse:
        """Revoke a token."""
        name = request.GET.get("name", "")
        user = User.objects.filter(pk=user_id, auth_token_set__name=name).first()
        if user is None:
            raise NotFound
        label = visible(name)

        def run(_: dict[str, Any]) -> HttpResponse:
            credentials.revoke_token(user, name, by=actor(request))
            messages.success(request, f"The token {label} of {user.email} is revoked.")
            return redirect(self.url_of("changelist"))

        return self.form_page(
            request,
            empty_form(request),
            run,
            title=f"Revoke the token {label} of {user.email}",
            button="Revoke",
            description="Programs that use it are refused from now on.",
            back=self.url_of("changelist"),
        )


class Secrets(Page):
    """Secrets of programs that decide by signed webhook."""

    list_display = (
        "name", "scope", formatting.ago("created_at", "issued"), "created_by",
        formatting.ago("last_used_at", "last used"), formatting.ago("revoked_at", "revoked"),
    )  # fmt: skip
    empty = "No webhook secret yet: a program that decides by signed webhook needs one."
    list_filter = ("queue",)
    list_select_related = ("queue", "created_by")
    ordering = ("name", "-pk")
    add_label = "Issue a secret"
    row_fields = (
        "name", "scope", formatting.when("created_at", "issued"), "created_by",
        formatting.when("last_used_at", "last used"), formatting.when("revoked_at", "revoked"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookSecret]:
        """Without the sealed secret itself."""
        return WebhookSecret.objects.defer("sealed_secret")

    def action_urls(self) -> list[URLPattern]:
        """Issue and revoke."""
        return [
            self.action_url("add/", self.issue, "new"),
            self.action_url("<uuid:key>/revoke/", self.revoke, "revoke"),
        ]

    def operator_tools(self, row: Any) -> list[Tool]:
        """Revoke, unless that is done."""
        return [self.tool("Revoke", "revoke", row.pk)] if row.revoked_at is None else []

    def scope(self, secret: WebhookSecret) -> str:
        """The queue it is good for."""
        return secret.queue.name if secret.queue else "all queues"

    def issue(self, request: HttpRequest) -> HttpResponse:
        """Issue a secret; the response shows it once."""

        def run(cleaned: dict[str, Any]) -> HttpResponse:
            queue = cleaned["queue"]
            secret = credentials.issue_secret(
                cleaned["name"],
                queue_slug=queue.slug if queue else None,
                by=actor(request),
            )
            title, back = f"Webhook secret {cleaned['name']}", self.url_of("changelist")
            return self.secret_page(
                request, title=title, secret=secret, description=SEALED, back=back
            )

        form, back = SecretForm(form_data(request)), self.url_of("changelist")
        return self.form_page(request, form, run, title="Issue a secret", button="Issue", back=back)

    def revoke(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Revoke a secret."""
        secret = row_or_404(self.get_queryset(request), key)

        def run(_: dict[str, Any]) -> HttpResponse:
            credentials.revoke_secret(key, by=actor(request))
            messages.success(request, f"The secret {secret.name} is revoked.")
            return redirect(self.url_of("changelist"))

        return self.form_page(
            request,
            empty_form(request),
            run,
            title=f"Revoke the webhook secret {secret.name}",
            button="Revoke",
            description="Webhooks signed with it are refused from now on.",
            back=self.url_of("change", key),
        )
