"""The lists of which views are saved: their URLs and filters, whom a shared view is for, and who may share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.shortcuts import resolve_url

from approvals.models import ReviewQueue, SavedView
from approvals.policy import Action
from approvals.untrusted import display
from approvals.web import order_filters, review_filters
from approvals.web.access import Access
from approvals.web.decorators import DeskRequest

Listing = SavedView.Listing


@dataclass(frozen=True)
class ViewFilter:
    """The rows that a query string finds in a list, and that query string as the list's filter writes it."""

    rows: QuerySet[Any]
    query: str


@dataclass(frozen=True)
class ViewedList:
    """The reviews of `queue`, the orders, or the batches of orders."""

    listing: Listing
    queue: ReviewQueue | None = None

    @property
    def name(self) -> str:
        """Its name on pages."""
        if self.queue is not None:
            return display.visible(self.queue.name)
        return "Orders" if self.listing is Listing.ORDERS else "Order batches"

    @property
    def everybody(self) -> str:
        """Whom a shared view is shared with."""
        return self.name if self.queue else "everybody who sees orders"

    @property
    def asked_as(self) -> str:
        """The query string that asks for the counts of its views."""
        return urlencode(
            {"queue": self.queue.slug} if self.queue else {"listing": str(self.listing)}
        )

    @property
    def create_url(self) -> str:
        """Where a view of it is saved."""
        if self.queue is not None:
            return resolve_url("view_new", self.queue.slug)
        return resolve_url(f"view_new_of_{self.listing}")

    def url(self, query: str) -> str:
        """The list with this filter."""
        if self.queue is not None:
            home = resolve_url("queue", self.queue.slug)
        else:
            home = resolve_url("orders" if self.listing is Listing.ORDERS else "order_batches")
        return home + (f"?{query}" if query else "")

    def may_share(self, access: Access) -> bool:
        """Whether this person may share views of it, and take shared ones back."""
        action = Action.LEAD if self.queue else Action.INTERVENE_IN_ORDERS
        return access.may(action, self.queue).allowed

    def filtered(self, request: DeskRequest, query: Any) -> ViewFilter:
        """Its rows that this person may see, filtered. Raises NotAllowed without the right to orders."""
        if self.queue is not None:
            everything = request.access.reviews().filter(queue=self.queue)
            reviews = review_filters.apply_filters(everything, query, request)
            return ViewFilter(reviews.rows, urlencode(reviews.active))
        if self.listing is Listing.ORDERS:
            found = order_filters.orders(request.access.orders(), query)
        else:
            found = order_filters.batches(request.access.batches(), query)
        return ViewFilter(found.rows, found.query)


ORDERS, BATCHES = ViewedList(Listing.ORDERS), ViewedList(Listing.BATCHES)


def reviews_in(queue: ReviewQueue) -> ViewedList:
    """The list of a queue's reviews."""
    return ViewedList(Listing.REVIEWS, queue)


def list_of(view: SavedView) -> ViewedList:
    """The list that a view shows; its queue is read if it was not."""
    return ViewedList(Listing(view.listing), view.queue)
