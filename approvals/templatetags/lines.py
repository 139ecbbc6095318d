"""The tag `line`, one row of a list of reviews: `{% load lines %}`.

It is written here, because a list has many rows: as nodes of a template, one takes four times as long.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from approvals.models import ReviewTask
from approvals.templatetags import icons
from approvals.templatetags.desk import due, moment, shortened, status_badge
from approvals.web import markup, relative_times
from approvals.web.review_rows import ReviewRow

register = template.Library()
PENDING = ReviewTask.Status.PENDING
NOTHING = SafeString("")
NONE = SafeString('<span class="none">\u2013</span>')
NO_BOX = SafeString('<span class="line-select"></span>')
NO_ERROR = SafeString("No error named")
NOBODY = SafeString('<span class="none">nobody</span>')


@register.simple_tag(takes_context=True)
def line(context: Context, row: ReviewRow) -> SafeString:
    """One row: a link to the review, what it is about and since when it waits; a card on a phone.

    Of the page it reads `now`, `select` (True for a box to choose the review, or the id of the queue whose rows
    have one), `by_arrival` (of any status, the latest first), `show_lease` and `stream_of_list`.
    """
    review, now = row.review, context["now"]
    return markup.filled(
        '<li class="line">{}\n<div class="line-due">{}</div>\n{}\n'
        '<div class="line-customer"><span class="cell-label">Customer</span> {}</div>\n'
        '<div class="line-amount num"><span class="cell-label">Amount</span> {}</div>\n'
        '<div class="line-age">{}</div>\n'
        '<div class="line-holder"><span class="cell-label">Claimed by</span> {}</div>\n</li>',
        _choice(row, context.get("select")),
        due(row.deadline, now) if review.status == PENDING else status_badge(review.status),
        _what(context, row),
        _isolated(row.customer, 40) or NONE,
        row.amount or NONE,
        _age(review, now, by_arrival=bool(context.get("by_arrival"))),
        _holder(context, row),
    )


def _isolated(text: str, length: int) -> SafeString:
    """An untrusted text that does not change the direction of what stands beside it; nothing for no text."""
    return markup.filled("<bdi>{}</bdi>", shortened(text, length)) if text else NOTHING


def _choice(row: ReviewRow, select: Any) -> SafeString:
    """A box to choose the review, or the space of one beside rows that have it."""
    if not select:
        return NOTHING
    if select is not True and select != row.review.queue_id:
        return NO_BOX
    return markup.filled(
        '<label class="line-select"><span class="sr-only">Choose <bdi>{}</bdi></span>'
        '<input class="checkbox" type="checkbox" name="review" value="{}" form="bulk"></label>',
        shortened(row.name, 40),
        row.review.pk,
    )


def _what(context: Context, row: ReviewRow) -> SafeString:
    """The link to the review, its tags, and the error or the title."""
    return markup.filled(
        '<div class="line-what"><span class="line-ref"><a class="serial" href="{}{}"><bdi>{}</bdi></a>{}</span>\n'
        '<span class="line-error">{}</span></div>',
        row.url,
        context.get("stream_of_list", ""),
        shortened(row.name, 40),
        _tags(context, row),
        _isolated(row.subject, 60) or NO_ERROR,
    )


def _tags(context: Context, row: ReviewRow) -> SafeString:
    review, tags = row.review, NOTHING
    if review.priority > 0:
        tag = '<span class="tag"><span class="sr-only">Priority </span>{} {}</span>'
        tags += markup.filled(tag, icons.drawn("chevron-double-up", 12), review.priority)
    if review.escalated_to_id:
        tag = '<span class="tag">{} escalated</span>'
        tags += markup.filled(tag, icons.drawn("arrow-up-circle", 12))
    if row.handed_by:
        tag = '<span class="tag">{} handed over by {}</span>'
        by = _isolated(row.handed_by, 24)
        tags += markup.filled(tag, icons.drawn("arrows-right-left", 12), by)
    if row.snoozed:
        tag = '<span class="tag">{} until {}</span>'
        until = moment(context, review.snoozed_until, "H:i", False)
        tags += markup.filled(tag, icons.drawn("moon", 12), until)
    return tags


def _age(review: ReviewTask, now: Any, *, by_arrival: bool) -> SafeString:
    if by_arrival:
        at = relative_times.relative_time(review.received_at, now)
        return markup.filled('<span class="cell-label">Arrived</span> {}', at)
    age = relative_times.age(review.received_at, now)
    cell = '<span class="cell-label">Waiting</span> <span class="line-wait">{}</span>'
    return markup.filled(cell, age)


def _holder(context: Context, row: ReviewRow) -> SafeString:
    """Who holds the review, else who decided it."""
    if row.holder is None:
        if row.decided_by is not None:
            return markup.filled("by <bdi>{}</bdi>", shortened(row.decided_by.display, 24))
        return NOBODY if row.review.status == PENDING else NONE
    holder = _isolated(row.holder.display, 24)
    request = getattr(context, "request", None)
    if request and row.holder.pk == request.user.pk:
        until: SafeString | str = ""
        if context.get("show_lease"):
            until = markup.filled(
                ", until {}", moment(context, row.review.lease_expires_at, "H:i", False)
            )
        holder = markup.filled("<span>you{}</span>", until)
    return markup.filled('<span class="holder">{}{}</span>', icons.drawn("hand-raised", 14), holder)
