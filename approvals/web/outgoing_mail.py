"""Sends mails from a thread of the process, so that no request waits for the mail server.

A server that is silent would hold the threads of requests, and one that answers would show by the time of
the response whether an address has an account.
"""

from __future__ import annotations

import structlog
from django.core.mail import EmailMessage

from approvals.background_sender import BackgroundSender

log = structlog.get_logger(__name__)

MOST_WAITING = (
    100  # mails; more are lost while the server does not answer: whoever asked asks again
)
AT_EXIT = 5.0  # seconds that a process gives to what waits when it ends


def send(message: EmailMessage) -> None:
    """Have a mail sent soon; raises nothing, and waits for nothing."""
    _sender.put(message)


def flush(seconds: float) -> bool:
    """Wait until this process has sent its mails; False if that takes longer than so many seconds."""
    return _sender.flush(seconds)


def _send(message: EmailMessage) -> None:
    message.send()


def _log_lost(_: EmailMessage, error: str) -> None:
    log.warning("mail.lost", error=error)


_sender = BackgroundSender("mails", _send, _log_lost, most_waiting=MOST_WAITING, at_exit=AT_EXIT)
