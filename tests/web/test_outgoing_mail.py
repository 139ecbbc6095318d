"""Mails are sent by a thread: a request waits for no mail server, whether or not an address has an account."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from approvals.models import User
from approvals.web import outgoing_mail
from tests.web.mails import sent_mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def silent_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A mail server that is silent until it is told to go on."""
    goes_on = threading.Event()
    send = EmailMessage.send

    def wait(message: EmailMessage, fail_silently: bool = False) -> int:
        assert goes_on.wait(30)
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", wait)
    yield goes_on
    goes_on.set()
    outgoing_mail.flush(10)


def test_a_silent_mail_server_keeps_nobody_waiting(
    client: Client, alice: User, silent_server: threading.Event
) -> None:
    page = client.post(reverse("account_reset_password"), {"email": alice.email}, follow=True)

    assert "Check your mail" in page.content.decode()
    assert not outgoing_mail.flush(0), "it was not sent while the page was made"
    silent_server.set()
    assert [message.to for message in sent_mails()] == [[alice.email]]


def test_more_mails_than_can_wait_are_lost_and_raise_nothing(
    silent_server: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    most = outgoing_mail.MOST_WAITING
    for number in range(most + 7):
        outgoing_mail.send(EmailMessage(f"{number}", to=["a@example.com"]))

    assert "mail.lost" in caplog.text
    silent_server.set()
    assert most <= len(sent_mails()) <= most + 1  # one may be under way


def test_a_mail_that_cannot_be_sent_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = EmailMessage.send

    def refuse(message: EmailMessage, fail_silently: bool = False) -> int:
        if message.subject == "first":
            raise ConnectionRefusedError("secret text of the server")
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", refuse)

    for subject in ("first", "second"):
        outgoing_mail.send(EmailMessage(subject, to=["a@example.com"]))

    assert [message.subject for message in sent_mails()] == ["second"]
    assert "ConnectionRefusedError" in caplog.text
    assert "secret text" not in caplog.text


def test_a_mail_server_has_a_deadline() -> None:
    assert settings.EMAIL_TIMEOUT == 10
