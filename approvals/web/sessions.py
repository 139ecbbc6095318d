"""Sessions in Django's table; the statement that reads one, for each page, is composed once in a process."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from approvals.records.prepared_queries import Prepared
from config.client_limits import SESSION_KEY


@Prepared
def _alive(key: str, now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key, expire_date__gt=now)


class SessionStore(db.SessionStore):
    """Django's sessions, stored as Django stores them."""

    def _get_session_from_db(self) -> Session | None:
        key = self.session_key or ""
        # PostgreSQL refuses some others: a cookie may hold an escaped NUL.
        found = _alive(key=key, now=timezone.now()) if SESSION_KEY.fullmatch(key) else []
        if found:
            return found[0]
        self._session_key = None
        return None
