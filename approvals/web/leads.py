"""The page of leads: what waits and what is stuck in their queues, who holds what, and how decisions go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals.exceptions import NotAllowed
from approvals.models import ReviewQueue
from approvals.models.outbox import DeliveryState
from approvals.models.review_tasks import ReviewTask
from approvals.policy import Action
from approvals.web import charts, fatigue, lead_figures, lead_queues
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest, desk
from approvals.web.delivery_descriptions import BY_DETAIL
from approvals.web.lead_figures import RANGES, TODAY, Figures, Range, Report
from approvals.web.lead_queues import MOST_STUCK, Listed, Waiting, counted

APPROVED, REJECTED = "tone-good", "tone-bad"


class Kind(NamedTuple):
    """A kind of what is stuck: its title, what it means and what to do, and the page that lists all of it."""

    title: str
    advice: str
    page: str = ""
    query: str = ""


# In the order of the page. Each has rows in `lead_queues.lists` and a count in `Waiting` by its name.
KINDS: Mapping[str, Kind] = {
    "held": Kind(
        "Decisions held back",
        "The circuit breaker of their queue is open. They are sent by themselves once AWS accepts its answers;"
        " those whose deadline comes first stand first.",
        "admin:approvals_outboxentry_changelist",
        "?lane__exact=callbacks&state__exact=waiting",
    ),
    "parked": Kind(
        "Parked decisions",
        "AWS does not take these as things are. An operator mends the cause, then sends them again.",
        "admin:approvals_outboxentry_changelist",
        "?lane__exact=callbacks&state__exact=parked",
    ),
    "unconfirmed": Kind(
        "Unconfirmed decisions",
        "The step is closed, and nothing proves by what. Look at the order; sending again does no harm.",
        "admin:approvals_outboxentry_changelist",
        "?lane__exact=callbacks&state__exact=parked",
    ),
    "quarantined": Kind(
        "Messages in quarantine",
        "These could not become reviews, and their executions wait. An operator replays or discards them.",
        "admin:approvals_quarantinedmessage_changelist",
        "?state=waiting",
    ),
    "overdue": Kind(
        "Open reviews past their deadline",
        "Where the message gave the deadline, Step Functions no longer waits, and the execution is asked"
        " for proof. Where the queue assumed it, a decision is still tried.",
    ),
    "failed": Kind(
        "Bulk decisions with failed reviews",
        "The service failed at these reviews, and they are still open. Who began the bulk decision tries them"
        " again; or decide them by hand.",
        "bulk_all",
    ),
    "unproved": Kind(
        "Unproved reviews",
        "Their deadline has passed, and nothing can prove what became of them. Look at the order, then"
        " close the review with a reason.",
    ),
}


@dataclass(frozen=True)
class StuckRow:
    """A row of a list: where it leads, what is wrong, and what can be done about it, if anything.

    `filter` is the query string with which the list of its queue has it.
    """

    row: Listed
    queue: ReviewQueue
    why: str
    url: str
    action: str
    action_url: str
    filter: str = ""


@dataclass(frozen=True)
class Stuck:
    """A list of what is stuck, with its count and the page that has all of it, if this person may see one."""

    kind: str
    title: str
    advice: str
    count: str
    all_url: str
    rows: list[StuckRow]


@dataclass(frozen=True)
class Claims:
    """What somebody holds, each with whether this lead may take it over."""

    person: str
    rows: list[tuple[Listed, bool]]
    is_own: bool


@desk("GET")
def show(request: DeskRequest) -> HttpResponse:
    """The page for the queues that the person leads, or for the one that the URL names."""
    access = request.access
    queues, over = chosen_queues(request), chosen_range(request.GET.get("range", ""))
    now = access.now
    waiting = lead_queues.waiting(queues, now)
    listed = lead_queues.lists(queues, now)
    report = lead_figures.report(queues, over, now)
    claimed, all_claimed = listed.get("claimed", []), sum(each.claimed for each in waiting)
    context = {
        "now": now,
        "only": queues[0] if request.GET.get("queue") else None,
        "ranges": RANGES,
        "over": over,
        "waiting": waiting,
        "stuck": stuck(waiting, listed, access),
        "held_back": [queue for queue in queues if _is_held_back(queue)],
        "claims": claims(claimed, access),
        "claims_cut": (len(claimed), all_claimed) if all_claimed > len(claimed) else None,
        "report": report,
        "throughput": throughput(report, over, access.zone),
        "zone": access.zone,
        "times": times(report),
        "rates": rates(report),
        "fatigue": fatigue.signs(queues, now),
    }
    return render(request, "approvals/leads.html", context)


def chosen_queues(request: DeskRequest) -> list[ReviewQueue]:
    """The queues that the person leads, or the one named in the URL.

    Raises NotAllowed for who leads none, or not this one; NotFound for a queue that is hidden.
    """
    slug = request.GET.get("queue", "")
    if slug:
        queue = request.access.queue(slug)
        request.access.may(Action.LEAD, queue).or_raise()
        return [queue]
    if not request.access.led_queues:
        raise NotAllowed("This needs the role lead in a queue; ask a lead of one, or an operator.")
    return request.access.led_queues


def chosen_range(name: str) -> Range:
    """The range of this name in the URL; today for any other."""
    return next((each for each in RANGES if each.name == name), TODAY)


def stuck(
    waiting: Sequence[Waiting], listed: Mapping[str, Sequence[Listed]], access: Access
) -> list[Stuck]:
    """The lists of what is stuck, those without a row left out."""
    inspects = access.may(Action.INSPECT).allowed
    queues = {each.queue.pk: each.queue for each in waiting}
    found = []
    for name, kind in KINDS.items():
        rows = [_stuck_row(row, queues[row.queue], access) for row in listed.get(name, ())]
        if rows:
            count = max(len(rows), sum(getattr(each, name) for each in waiting))
            may_see = inspects or not kind.page.startswith("admin:")
            link = reverse(kind.page) + kind.query if kind.page and may_see else ""
            shown = counted(count, MOST_STUCK)
            found.append(Stuck(name, kind.title, kind.advice, shown, link, rows))
    return found


def claims(rows: Sequence[Listed], access: Access) -> list[Claims]:
    """Claims by person, who holds the most first; what was escalated elsewhere is not this lead's to take."""
    me, led = access.actor.person.pk, {queue.pk for queue in access.led_queues}
    held: dict[UUID | None, list[Listed]] = {}
    for row in rows:
        held.setdefault(row.person_id, []).append(row)
    people = [
        Claims(
            own[0].person, [(row, person != me and row.queue in led) for row in own], person == me
        )
        for person, own in held.items()
    ]
    return sorted(people, key=lambda each: (-len(each.rows), each.person))


def throughput(report: Report, over: Range, zone: tzinfo) -> charts.Chart:
    """Approvals and rejections by hour, named in this zone, or by day, which is one of UTC."""
    rows = [
        (
            f"{start.astimezone(zone):%H:%M}" if over is TODAY else f"{start:%d %b}",
            (figures.approved, figures.rejected),
        )
        for start, figures in report.by_period
    ]
    return charts.columns(rows, (APPROVED, REJECTED))


def times(report: Report) -> charts.Chart:
    """How many reviews were decided in each class of time, from the first class with any to the last."""
    counts = list(enumerate(report.total.within))
    filled = [number for number, count in counts if count] or [0]
    rows = [
        (lead_figures.class_label(number), (count,))
        for number, count in counts[filled[0] : filled[-1] + 1]
    ]
    return charts.columns(rows, ("tone-calm",))


def rates(report: Report) -> list[tuple[str, str, list[tuple[Figures, int, int]]]]:
    """The tables of approval rates: a title, what its rows are, and figures with the lengths of their bars."""
    parts = (
        ("queue", "By queue", report.by_queue),
        ("error", "By error", report.by_error),
        ("reviewer", "By reviewer", report.by_reviewer),
    )
    return [(name, title, [(one, *_bar(one)) for one in figures]) for name, title, figures in parts]


def _bar(figures: Figures) -> tuple[int, int]:
    approved = charts.share(figures.approved, figures.decided)
    return approved, charts.share(figures.decided, figures.decided) - approved


def _is_held_back(queue: ReviewQueue) -> bool:
    return hasattr(queue, "breaker") and queue.breaker.opened_at is not None


def _stuck_row(row: Listed, queue: ReviewQueue, access: Access) -> StuckRow:
    operates = access.may(Action.OPERATE).allowed
    if row.kind == "quarantined":
        url = reverse("admin:approvals_quarantinedmessage_change", args=[row.pk])
        replay = f"{reverse('admin:approvals_quarantinedmessage_replay')}?id={row.pk}"
        inspects = access.may(Action.INSPECT).allowed
        why = row.heading.replace("_", " ").capitalize()
        return StuckRow(row, queue, why, url if inspects else "", "Replay", replay * operates)
    if row.kind == "failed":
        url = reverse("bulk", args=[row.pk])
        return StuckRow(row, queue, f"{row.person}: {row.detail}", url, "Open", url)
    url = reverse("review", args=[row.review])
    if row.kind == "held":
        check = reverse("admin:approvals_reviewqueue_change", args=[queue.pk])
        why = "AWS refuses the answers of its queue"
        return StuckRow(row, queue, why, url, "Check connection", check * operates)
    if row.kind == "overdue":
        assumed = row.detail == ReviewTask.DeadlineSource.DEFAULT
        why = (
            "The queue's own deadline" if assumed else "The message's deadline; proof is asked for"
        )
        return StuckRow(row, queue, why, url, "Decide", url * assumed, "?due=past")
    if row.kind == "unproved":
        return StuckRow(row, queue, "The deadline passed", url, "Close", url, "?status=unproved")
    state = DeliveryState.PARKED if row.kind == "parked" else DeliveryState.UNCONFIRMED
    described = BY_DETAIL.get((state, row.detail))
    again = reverse("admin:approvals_outboxentry_requeue", args=[row.pk])
    why = described.sentence if described else row.detail
    return StuckRow(row, queue, why, url, "Send again", again * operates)
