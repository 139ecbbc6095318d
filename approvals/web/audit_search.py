"""Searches of the audit trail: who did what, when, in which queue, about which row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, QuerySet, UUIDField, When
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from approvals.models import AuditEvent, OrderExecution, ReviewQueue, ReviewTask
from approvals.models.staged_rows import FirstFound, Stage
from approvals.records import audit
from approvals.records.audit_kinds import AuditKind

NEWEST_FIRST = ("-at", "-id")
USUAL = timedelta(days=1)  # searched if nothing else narrows it
LONGEST = timedelta(days=93)
MOST_ROWS = 50  # reviews or orders of one reference
CHUNK = 2_000  # events read at a time for an export
FEW_REVIEWS = 2_000  # of a queue: their chains are looked up
# Of a list of events, what is looked at first, and then: few kilobytes have an hour, most of the table has months.
PERIODS = (timedelta(hours=1), timedelta(hours=8), timedelta(days=3), timedelta(days=24))


class AuditFilter(forms.Form):
    """The filters in the URL of the page; times are in `zone`."""

    who = forms.CharField(label="Who", required=False, max_length=254)
    what = forms.ChoiceField(label="What", required=False)
    since = forms.DateTimeField(label="From", required=False)
    until = forms.DateTimeField(label="Until", required=False)
    queue = forms.ChoiceField(label="Queue", required=False)
    about = forms.CharField(label="Review, order or chain", required=False, max_length=256)

    def __init__(self, query: Any, now: datetime, zone: tzinfo) -> None:
        super().__init__(query)
        fields: dict[str, Any] = self.fields
        kinds = [(str(kind), str(kind)) for kind in sorted(AuditKind)]
        fields["what"].choices = [("", "Anything"), *kinds]
        slugs = ReviewQueue.objects.order_by("slug").values_list("slug", "name")
        fields["queue"].choices = [("", "Any queue"), *slugs]
        for name in ("since", "until"):
            fields[name].widget = forms.DateTimeInput(
                attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            )
        self._now = now
        self._zone = zone

    def full_clean(self) -> None:
        """Check the filters, and read their times in the zone."""
        with timezone.override(self._zone):
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        """Fill in the usual period. Adds an error for one that is too long to be searched."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("since", "until"):
            if cleaned.get(name) and not _is_in_the_calendar(cleaned[name]):
                self.add_error(name, "Enter a valid date/time.")
        if cleaned.get("about") or self.errors:
            return cleaned
        until = cleaned.get("until") or self._now
        since = cleaned.get("since") or _usual_start(until)
        if since > until:
            self.add_error("since", "This is after the end of the period.")
        elif until - since > LONGEST:
            self.add_error("since", f"At most {LONGEST.days} days at once, or name a review.")
        return cleaned | {"since": since, "until": cleaned.get("until")}


@dataclass(frozen=True)
class Search:
    """What is looked for; empty values do not narrow it."""

    who: str = ""
    what: str = ""
    since: datetime | None = None
    until: datetime | None = None
    queue: str = ""
    about: str = ""

    def as_data(self) -> dict[str, str]:
        """The filters that are set, as texts, for the event of an export."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in values.items()
            if value
        }


def events(search: Search) -> QuerySet[AuditEvent]:
    """The events that a search finds, in no order."""
    rows = AuditEvent.objects.select_related("actor", "on_behalf_of")
    if search.about:
        rows = rows.filter(chain__in=_chains(search.about))
    if search.since:
        rows = rows.filter(at__gte=search.since)
    if search.until:
        rows = rows.filter(at__lt=search.until)
    if search.who:
        rows = rows.filter(actor_name__iexact=search.who)
    if search.what:
        rows = rows.filter(kind=search.what)
    return _of_queue(rows, search.queue) if search.queue else rows


def first_events(
    rows: QuerySet[AuditEvent],
    limit: int,
    *,
    start: datetime | None,
    end: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Of these events, ordered by their times, the first `limit`; `start` and `end` are those of the list.

    No index has events in order: without this, all of a long period are sorted to show fifty. None as `start` for
    events that are found by their chains.
    """
    if start is None:
        return rows
    backwards = str(rows.query.order_by[0]).startswith("-")
    parts = [
        rows.filter(_near(start, period, backwards=backwards))
        for period in PERIODS
        if end is None or period < abs(start - end)  # a longer one would be all of it again
    ]
    stages = [Stage([part[:limit].values("pk")]) for part in (*parts, rows)]
    return rows.filter(pk__in=FirstFound(*stages, limit=limit, ids=BigIntegerField))


def _near(start: datetime, period: timedelta, *, backwards: bool) -> Q:
    try:
        return Q(at__gte=start - period) if backwards else Q(at__lte=start + period)
    except OverflowError:  # the first or last days of the calendar
        return Q()


def in_order(search: Search) -> Iterator[AuditEvent]:
    """The events that a search finds, the oldest first, read a piece at a time."""
    rows = events(search).order_by("at", "id")
    last: AuditEvent | None = None
    while True:
        after = rows
        if last is not None:
            after = rows.filter(Q(at__gt=last.at) | Q(at=last.at, pk__gt=last.pk), at__gte=last.at)
        start = last.at if last else search.since
        start = None if search.about else start
        piece = list(first_events(after, CHUNK, start=start, end=search.until)[:CHUNK])
        yield from piece
        if len(piece) < CHUNK:
            return
        last = piece[-1]


def _usual_start(until: datetime) -> datetime:
    """The beginning of the usual period before this time; the time itself in the first day of the calendar."""
    try:
        return until - USUAL
    except OverflowError:
        return until


def _is_in_the_calendar(at: datetime) -> bool:
    """Whether a time is one in UTC as well, as the database compares it."""
    try:
        at.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _chains(about: str) -> list[str]:
    """The chains of a chain's name, of a row's id, or of the reviews and orders with a reference."""
    if ":" in about:
        return [about]
    try:
        row = UUID(about)
    except ValueError:
        reviews = ReviewTask.objects.filter(reference=about).order_by("-received_at")
        orders = OrderExecution.objects.attempts_at(about)
        return [
            *(
                audit.chain_of("review", pk)
                for pk in reviews.values_list("pk", flat=True)[:MOST_ROWS]
            ),
            *(
                audit.chain_of("order", pk)
                for pk in orders.values_list("pk", flat=True)[:MOST_ROWS]
            ),
        ]
    return [audit.chain_of(chained.noun, row) for chained in audit.CHAINED.values()]


def _of_queue(rows: QuerySet[AuditEvent], slug: str) -> QuerySet[AuditEvent]:
    """Of these events those of a queue's own chain, and of the chains of its reviews."""
    queue = ReviewQueue.objects.filter(slug=slug).first()
    if queue is None:
        return rows.none()
    reviews = ReviewTask.objects.filter(queue=queue).order_by()
    few = list(reviews.values_list("pk", flat=True)[: FEW_REVIEWS + 1])
    if len(few) <= FEW_REVIEWS:
        chains = [audit.chain(queue), *(audit.chain_of("review", pk) for pk in few)]
        return rows.filter(chain__in=chains)
    row = Cast(Substr("chain", len("review:") + 1), UUIDField())
    named = rows.annotate(review=Case(When(chain__startswith="review:", then=row), default=None))
    here = Exists(ReviewTask.objects.filter(pk=OuterRef("review"), queue=queue))
    return named.filter(Q(chain=audit.chain(queue)) | here)
