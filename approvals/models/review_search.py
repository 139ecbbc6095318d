"""Searching reviews: for a text in whatever a person may know of one, and by the amount if there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Self, TypeVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, Func, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from approvals.models.comments import Comment
from approvals.models.review_queues import ReviewQueue
from approvals.untrusted import numbers

Review = TypeVar("Review", bound=models.Model)
SEARCHED = ("reference", "title", "customer", "error_name")
# True of every review. The index that has it is for common texts alone: to PostgreSQL it looks cheaper than that
# of one queue too, which it is not where a queue's reviews are old.
ANYWHERE = Q(version__gte=0)
SHORTEST_PIECE = 3
FEW = 2_000  # matches of a text that are sorted; more are common enough to be met in any order
AMOUNT = models.DecimalField(max_digits=16, decimal_places=4)
# Below every amount that the column can hold: reviews without an amount stand last, the largest first.
NO_AMOUNT = Decimal(-(10**12))
KNOWN_AMOUNT = Coalesce(F("amount"), Value(NO_AMOUNT, AMOUNT), output_field=AMOUNT)
_ID_START = re.compile(r"[0-9a-f]{8,32}")


class SearchedReviews(models.QuerySet[Review]):
    """Filters of reviews by a text or an amount, and the first of several queues."""

    def first_of_each(self, queues: Iterable[UUID], statuses: Iterable[str], limit: int) -> Self:
        """Of these ordered reviews, the first `limit` of each of these queues and statuses.

        The first `limit` of the result are the first of all. PostgreSQL reads no index of (queue, status,
        order) in order for several queues or statuses at once; here it reads one for each. No statuses
        means whatever the status.
        """
        own = self.filter(queue=OuterRef("pk"))
        parts = [own.filter(status=status) for status in statuses] or [own]
        ids = Func(
            *(ArraySubquery(part.values("pk")[:limit]) for part in parts),
            function="unnest",
            arg_joiner=" || ",
            output_field=models.UUIDField(),
        )
        some = ReviewQueue.objects.filter(pk__in=list(queues)).order_by().annotate(first=ids)
        return self.filter(pk__in=some.values("first"))

    def matching(self, text: str) -> Self:
        """Reviews with this piece of text in their reference, title, customer or error name.

        One or two letters are looked for at the beginning of each: the index holds groups of three.
        """
        return self.filter(_in_columns(text))

    def with_value(self, text: str) -> Self:
        """Reviews of exactly this amount or execution ARN, or whose id begins with it (8 digits or more)."""
        fits = Q(execution_arn=text) if text.startswith("arn:") else Q(pk__in=[])
        amount = numbers.decimal(text.replace(",", ""), magnitude=12)
        if amount is not None:
            fits |= Q(amount=amount)
        digits = text.lower().replace("-", "")
        if _ID_START.fullmatch(digits):
            fits |= Q(pk__range=(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))))
        return self.filter(fits)

    def with_text(self, text: str) -> Self:
        """Reviews with this text as in `matching` or `with_value`, or as a piece of a comment.

        One more query finds out how the database is to look for the text. PostgreSQL finds few matches by
        their index, and many sooner by reading a list in its order. It cannot tell which by its statistics
        alone, and is a hundred times slower where it is wrong. At most FEW + 1 comments are looked at.
        """
        every = type(self)(self.model)
        comments = Comment.objects.filter(text__icontains=text)
        if len(text) < SHORTEST_PIECE:
            comments = comments.none()
        parts: list[Any] = [
            every.matching(text).values_list("pk", Value(True))[: FEW + 1],
            every.with_value(text).values_list("pk", Value(False))[: FEW + 1],
            comments.values_list("review", Value(False))[: FEW + 1],
        ]
        found = list(parts[0].union(*parts[1:], all=True))
        if sum(in_columns for _, in_columns in found) <= FEW:
            return self.filter(pk__in={pk for pk, _ in found})
        others = {pk for pk, in_columns in found if not in_columns}
        fits = _in_columns(text) | Q(pk__in=others) if others else _in_columns(text)
        return self.filter(fits).filter(ANYWHERE)

    def by_amount(self) -> Self:
        """The same reviews with `known_amount`, by which an index has the open ones of a queue in order."""
        return self.annotate(known_amount=KNOWN_AMOUNT)

    def amount_from(self, least: Decimal) -> Self:
        """Reviews of at least this amount: statistics know how many by one bound, the index has the other."""
        return self.by_amount().filter(known_amount__gte=least, amount__gte=least)

    def amount_to(self, most: Decimal) -> Self:
        """Reviews of at most this amount."""
        return self.by_amount().filter(known_amount__lte=most, amount__lte=most)


def _in_columns(text: str) -> Q:
    lookup = "istartswith" if len(text) < SHORTEST_PIECE else "icontains"
    return reduce(or_, (Q(**{f"{name}__{lookup}": text}) for name in SEARCHED))
