"""allauth's forms: sign-in, and password links for those alone who may have a password."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter

from approvals import policy
from approvals.models import User


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    """Asks for address and password; the first field has the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autofocus"] = True


class ReauthenticateForm(forms.ReauthenticateForm):  # type: ignore[misc]
    """Asks for the password again; its field has the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs |= {"autofocus": True, "placeholder": ""}


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    """Asks for a link by mail. It looks alike for everybody; only who may sign in is sent one."""

    users: list[User]

    def clean_email(self) -> str:
        """Find whom to send the link to."""
        email = str(super().clean_email())
        self.users = [user for user in self.users if policy.may_sign_in(user)]
        return email


class UserTokenForm(forms.UserTokenForm):  # type: ignore[misc]
    """Checks a link that sets a password, which an invitation or a mail has given."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse links of accounts that may have no password, whoever made them."""
        cleaned: dict[str, Any] | None = super().clean()
        if not policy.may_have_password(self.reset_user):
            raise get_adapter().validation_error("invalid_password_reset")
        return cleaned
