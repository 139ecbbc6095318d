"""A Monday morning of a lead: much waits, some is stuck in each way, others hold claims, a month was decided."""

from __future__ import annotations

from django.db import connection
from django.db.models.functions import Now

from approvals.actions import assignment, intake, people
from approvals.actors import COMMAND_LINE
from approvals.models import Decision, OutboxEntry, QuarantinedMessage, User
from approvals.models.outbox import Detail
from approvals.records import database_time
from tests import factories
from tests.bench import rollups
from tests.browser import outages, world
from tests.factories import actor


def build(*, operates: bool = False) -> tuple[world.World, User]:
    """The day, and its lead; with `operates` also an operator."""
    day = world.build()
    lead = day.lead
    if operates:
        people.grant_site(lead, "operator", by=COMMAND_LINE)
    stuck(day)
    grace = User.objects.get(email="grace@example.com")
    for number, who in (("36", grace), ("40", day.ada), ("43", grace)):
        assignment.claim(day.reviews[f"ORD-00482{number}"].pk, by=actor(who))
    staff = [day.ada.pk, grace.pk, lead.pk]
    wanted = rollups.Wanted(40_000, 31, [day.queue.pk], staff, database_time.now())
    connection.ensure_connection()
    rollups.write(connection.connection, wanted)
    return day, lead


def stuck(day: world.World) -> None:
    """Something is stuck in each way."""
    outages.held_back(day)
    world.move(day.reviews["ORD-0048251"], left=-30, waited=200)
    for detail in (Detail.ACCESS_DENIED, Detail.KEY_MISSING):
        review = world.decide(factories.review(day.queue), "approved", day.ada, "", None)
        decision = Decision.objects.get(review=review)
        entry = OutboxEntry.objects.filter(subject=decision.pk)
        entry.update(state="parked", detail=detail, ended_at=Now())
    intake.accept(day.queue, [factories.received("no json"), factories.received("[]")])
    assert QuarantinedMessage.objects.count() == 2
