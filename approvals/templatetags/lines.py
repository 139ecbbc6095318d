"""The tag `lines`, the rows of a list of reviews: `{% load lines %}`.

They are written here, because a list has many: as nodes of a template, a row takes eight times as long. What is
put into an f-string is HTML already: constants, numbers, and what `markup` and the functions here return.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django import template
from django.template.context import Context
from django.urls import get_script_prefix
from django.utils.safestring import SafeString

from approvals import broken_rows
from approvals.broken_rows import BrokenRow
from approvals.models import ReviewTask
from approvals.templatetags import icons
from approvals.templatetags.desk import due, moment, status_badge
from approvals.templatetags.rows import broken_row
from approvals.web import markup, relative_times, review_rows
from approvals.web.review_rows import ReviewRow

register = template.Library()
PENDING = ReviewTask.Status.PENDING
NOTHING = SafeString("")
NONE = SafeString('<span class="none">\u2013</span>')
NO_BOX = SafeString('<span class="line-select"></span>')
NO_ERROR = SafeString("No error named")
NOBODY = SafeString('<span class="none">nobody</span>')


@dataclass(frozen=True)
class _Page:
    """What the rows of a list have in common.

    `select` is True for a box to choose each review, or the id of the queue whose rows have one; `by_arrival`: of
    any status, the latest first.
    """

    context: Context
    now: datetime
    select: Any
    by_arrival: bool
    show_lease: bool
    before_id: str  # the review's URL around its id, as HTML
    after_id: str


@register.simple_tag(takes_context=True)
def lines(context: Context, rows: Iterable[ReviewRow | BrokenRow]) -> SafeString:
    """Each review as a row: a link to it, what it is about and since when it waits; a card on a phone.

    Of the page it reads `now`, `select`, `by_arrival`, `show_lease` and `stream_of_list`.
    """
    before, after = review_rows.around_id(get_script_prefix())
    page = _Page(
        context,
        context["now"],
        context.get("select"),
        bool(context.get("by_arrival")),
        bool(context.get("show_lease")),
        markup.text(before),
        markup.text(after) + markup.text(context.get("stream_of_list") or ""),
    )
    reviews = cast("Iterable[ReviewRow]", rows)  # `all_shown` passes broken ones on
    shown = broken_rows.all_shown(reviews, lambda each: _line(page, each))
    return SafeString(
        "\n    ".join(
            broken_row(context, each) if isinstance(each, BrokenRow) else each for each in shown
        )
    )


def _line(page: _Page, row: ReviewRow) -> str:
    review, now = row.review, page.now
    state = due(row.deadline, now) if review.status == PENDING else status_badge(review.status)
    customer = _isolated(row.customer, 40) or NONE
    amount = markup.text(row.amount) or NONE
    return (
        f'<li class="line">{_choice(page, row)}\n'
        f'<div class="line-due">{state}</div>\n'
        f'<div class="line-what"><span class="line-ref"><a class="serial" '
        f'href="{page.before_id}{review.pk}{page.after_id}"><bdi>{markup.beginning(row.name, 40)}</bdi></a>'
        f"{_tags(page, row)}</span>\n"
        f'<span class="line-error">{_isolated(row.subject, 60) or NO_ERROR}</span></div>\n'
        f'<div class="line-customer"><span class="cell-label">Customer</span> {customer}</div>\n'
        f'<div class="line-amount num"><span class="cell-label">Amount</span> {amount}</div>\n'
        f'<div class="line-age">{_age(page, review)}</div>\n'
        f'<div class="line-holder"><span class="cell-label">Claimed by</span> {_holder(page, row)}</div>\n</li>'
    )


def _isolated(text: str, length: int) -> str:
    """An untrusted text that does not change the direction of what stands beside it; nothing for no text."""
    return f"<bdi>{markup.beginning(text, length)}</bdi>" if text else ""


def _choice(page: _Page, row: ReviewRow) -> str:
    """A box to choose the review, or the space of one beside rows that have it."""
    if not page.select:
        return ""
    if page.select is not True and page.select != row.review.queue_id:
        return NO_BOX
    name = markup.beginning(row.name, 40)
    return (
        f'<label class="line-select"><span class="sr-only">Choose <bdi>{name}</bdi></span>'
        f'<input class="checkbox" type="checkbox" name="review" value="{row.review.pk}" form="bulk"></label>'
    )


def _tags(page: _Page, row: ReviewRow) -> str:
    review, tags = row.review, ""
    if review.priority > 0:
        tag = '<span class="tag"><span class="sr-only">Priority </span>{} {}</span>'
        tags += markup.filled(tag, icons.drawn("chevron-double-up", 12), review.priority)
    if review.escalated_to_id:
        tag = '<span class="tag">{} escalated</span>'
        tags += markup.filled(tag, icons.drawn("arrow-up-circle", 12))
    if row.handed_by:
        tag = '<span class="tag">{} handed over by {}</span>'
        by = SafeString(_isolated(row.handed_by, 24))
        tags += markup.filled(tag, icons.drawn("arrows-right-left", 12), by)
    if row.snoozed:
        tag = '<span class="tag">{} until {}</span>'
        until = moment(page.context, review.snoozed_until, "H:i", False)
        tags += markup.filled(tag, icons.drawn("moon", 12), until)
    return tags


def _age(page: _Page, review: ReviewTask) -> str:
    if page.by_arrival:
        at = relative_times.relative_time(review.received_at, page.now)
        return f'<span class="cell-label">Arrived</span> {at}'
    age = relative_times.age(review.received_at, page.now)
    return f'<span class="cell-label">Waiting</span> <span class="line-wait">{age}</span>'


def _holder(page: _Page, row: ReviewRow) -> str:
    """Who holds the review, else who decided it."""
    if row.holder is None:
        if row.decided_by is not None:
            return f"by <bdi>{markup.beginning(row.decided_by.display, 24)}</bdi>"
        return NOBODY if row.review.status == PENDING else NONE
    holder = _isolated(row.holder.display, 24)
    request = getattr(page.context, "request", None)
    if request and row.holder.pk == request.user.pk:
        until = ""
        if page.show_lease:
            until = f", until {moment(page.context, row.review.lease_expires_at, 'H:i', False)}"
        holder = f"<span>you{until}</span>"
    return f'<span class="holder">{icons.drawn("hand-raised", 14)}{holder}</span>'
