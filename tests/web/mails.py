"""The mails that the web process has sent."""

from __future__ import annotations

from django.core import mail
from django.core.mail import EmailMessage

from approvals.web import outgoing_mail


def sent_mails() -> list[EmailMessage]:
    """All mails of this test, once each is sent."""
    assert outgoing_mail.flush(10)
    sent: list[EmailMessage] = mail.outbox
    return sent
