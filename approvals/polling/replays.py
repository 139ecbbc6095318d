"""Carries out replays of quarantined messages that point to an object in S3, which only pollers may read.

Requests are rows; the admin site and the API store them. One whose object S3 does not give now stays.
"""

from __future__ import annotations

import threading
from uuid import UUID

import structlog
from django.db import connection

from approvals.actions import quarantine
from approvals.actors import COMMAND_LINE, Actor
from approvals.exceptions import DATABASE_AWAY, AlreadySettled, ApprovalsError, Unavailable
from approvals.models import QuarantinedMessage, ReplayRequest
from approvals.models.choices import Surface
from approvals.polling import attachments
from approvals.records import failing_rows
from approvals.records.quarantined_messages import body_of, extras_of

log = structlog.get_logger(__name__)

AT_ONCE = 20
PAUSE = 2.0  # seconds
TASK = "replays"


def work_off() -> int:
    """Carry out up to AT_ONCE requested replays; returns for how many it found an answer.

    Raises the errors of DATABASE_AWAY.
    """
    waiting = ReplayRequest.objects.filter(refused_at=None)
    able = waiting.exclude(pk__in=failing_rows.paused(TASK)).order_by("asked_at", "pk")
    ids = list(able.values_list("pk", flat=True)[:AT_ONCE])
    return sum(bool(failing_rows.attempt(TASK, pk, carry_out)) for pk in ids)


def carry_out(message_id: UUID) -> bool:
    """Read the object of one message and replay it, or store why that makes no review.

    Raises Unavailable if S3 does not answer: then the request stays.
    """
    request = ReplayRequest.objects.select_related("asked_by").filter(pk=message_id).first()
    if request is None:
        return False
    row = QuarantinedMessage.objects.select_related("queue").get(pk=message_id)
    by = COMMAND_LINE
    if request.asked_by is not None:
        by = Actor(request.asked_by, Surface(request.surface))
    try:
        body = body_of(row).decode(errors="surrogatepass")
        extras = attachments.with_object(row.queue, body, extras_of(row))
        quarantine.replay(message_id, by=by, fetched=extras)
    except Unavailable:
        raise
    except AlreadySettled:
        return quarantine.refuse_replay(message_id, "It was settled meanwhile.")
    except ApprovalsError as error:
        return quarantine.refuse_replay(message_id, error.message)
    log.info("poll.replayed", quarantined=str(message_id))
    return True


def start(stop: threading.Event) -> threading.Thread:
    """A thread that carries out replays until `stop` is set."""
    thread = threading.Thread(target=_work_forever, args=(stop,), name="replays")
    thread.start()
    return thread


def _work_forever(stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            try:
                work_off()
            except DATABASE_AWAY as error:
                log.warning("poll.replays_away", error=type(error).__name__)
                connection.close()
            except Exception:  # a thread that ended would leave every later request
                log.exception("poll.replays_failed")
            stop.wait(PAUSE)
    finally:
        connection.close()
