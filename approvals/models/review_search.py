"""Searching reviews: for a text in whatever a person may know of one, and by the amount if there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Self, TypeVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, Func, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from approvals.models.comments import Comment
from approvals.models.review_queues import ReviewQueue
from approvals.models.staged_rows import FirstFound, Stage, by_sorting
from approvals.untrusted import numbers

Review = TypeVar("Review", bound=models.Model)
Parts = tuple[Sequence[UUID], Sequence[str]]  # queues and statuses
SEARCHED = ("reference", "title", "customer", "error_name")
# True of every review. The index that has it is for common texts alone: to PostgreSQL it looks cheaper than that
# of one queue too, which it is not where a queue's reviews are old.
ANYWHERE = Q(version__gte=0)
SHORTEST_PIECE = 3
FEW = 2_000  # matches of a text that are sorted; more are common enough to be met in any order
# Rows of a list that are read in its order: so many, or so many times those that are asked for.
EARLY, TIMES = 2_000, 10
AMOUNT = models.DecimalField(max_digits=16, decimal_places=4)
# Below every amount that the column can hold: reviews without an amount stand last, the largest first.
NO_AMOUNT = Decimal(-(10**12))
KNOWN_AMOUNT = Coalesce(F("amount"), Value(NO_AMOUNT, AMOUNT), output_field=AMOUNT)
# pg_trgm takes groups of three from words, of letters and digits, and from the two places before a word.
_ALPHANUMERIC = re.compile(r"[^\W_]")
_GROUP = re.compile(r"[^\W_]{2}|[\W_][^\W_]")
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

        One or two letters are looked for at the beginning of each: the index holds groups of three. Signs alone
        are only a reference.
        """
        return self.filter(_in_columns(text))

    def with_value(self, text: str) -> Self:
        """Reviews of exactly this amount or execution ARN, or whose id begins with it (8 digits or more)."""
        return self.filter(_of_value(text) or Q(pk__in=[]))

    def with_text(self, text: str) -> Self:
        """Reviews with this text as in `matching` or `with_value`, or as a piece of a comment.

        One more query finds out how the database is to look for the text. PostgreSQL finds few matches by
        their index, and many sooner by reading a list in its order. It cannot tell which by its statistics
        alone, and is a hundred times slower where it is wrong. Use `first_with_text` for the first rows of
        a list: many matches may all stand at its end.
        """
        parts = [
            type(self)(self.model).filter(way).values_list("pk")[: FEW + 1] for way in _ways(text)
        ]
        found = list(parts[0].union(*parts[1:], all=True))
        if len(found) <= FEW:
            return self.filter(pk__in={pk for (pk,) in found})
        return self.filter(_anywhere(text)).filter(ANYWHERE)

    def first_with_text(self, text: str, limit: int, among: Parts | None = None) -> Self:
        """Of these ordered reviews, the first `limit` with this text; more are left out.

        One statement reads the beginning of the list in its order, which has the first ones with a common text.
        Only if these are too few, the index finds all with the text, and they are sorted. What is found is the
        same, whichever way. `among` as in `first_rows`.
        """
        late = [by_sorting(self.filter(found))[:limit] for found in _ways(text)]
        return self._with_text(text, limit, late, among)

    def some_with_text(self, text: str, limit: int) -> Self:
        """At least `limit` of these ordered reviews with this text, if there are as many, to be counted."""
        late = [self.filter(found).order_by()[:limit] for found in _ways(text)]
        return self._with_text(text, limit, late, None)

    def _with_text(self, text: str, limit: int, late: list[Self], among: Parts | None) -> Self:
        fits = ExpressionWrapper(_anywhere(text), output_field=models.BooleanField())
        stages, before = [], 0
        for size in _beginnings(limit, among):
            rows = self.first_of_each(*among, size)[:size] if among else self[:size]
            # More is read if it may have enough, as far as the rows before tell.
            least = limit * before // size
            stages.append(Stage([rows.values_list("pk", fits)], checks=True, at_least=least))
            before = size
        stages.append(Stage([part.values("pk") for part in late]))
        return self.filter(pk__in=FirstFound(*stages, limit=limit))

    def first_rows(self, limit: int, text: str, among: Parts | None = None) -> Self:
        """Of these ordered reviews at least the first `limit`, of a text if it is not empty.

        `among` are all queues and statuses that they have, if no index has these together in their order.
        """
        if text:
            return self.first_with_text(text, limit, among)
        return self.first_of_each(*among, limit) if among else self

    def first_of_scattered(self, everything: Self, limit: int) -> Self:
        """Of these ordered reviews the first `limit`, which may stand anywhere in the list of `everything`.

        One statement looks for them at the beginning of that list, in its order, and in more of it. Only if
        these are too few, all are found, and sorted.
        """
        parts = [
            self.filter(pk__in=everything[: max(size, 4 * limit)].values("pk"))
            for size in (EARLY // 4, EARLY * 2)
        ]
        stages = [Stage([by_sorting(rows)[:limit].values("pk")]) for rows in (*parts, self)]
        return self.filter(pk__in=FirstFound(*stages, limit=limit))

    def by_amount(self) -> Self:
        """The same reviews with `known_amount`, by which an index has the open ones of a queue in order."""
        return self.annotate(known_amount=KNOWN_AMOUNT)

    def amount_from(self, least: Decimal, *, pending: bool) -> Self:
        """Reviews of at least this amount. `pending` says that all are, of which the index is of `known_amount`.

        Conditions of both columns would be taken for two, each of which leaves out as many.
        """
        if pending:
            return self.by_amount().filter(known_amount__gte=least)
        return self.filter(amount__gte=least)

    def amount_to(self, most: Decimal, *, pending: bool) -> Self:
        """Reviews of at most this amount, as `amount_from`."""
        if pending:
            return self.by_amount().filter(known_amount__gt=NO_AMOUNT, known_amount__lte=most)
        return self.filter(amount__lte=most)


def _beginnings(limit: int, among: Parts | None) -> list[int]:
    """How many rows of a list are read in its order, again and again, to find so many with a text.

    Less where as many of each queue and status have to be read for it.
    """
    parts = max(1, len(among[0])) * max(1, len(among[1])) if among else 1
    sizes = {max(limit, each) for each in (EARLY // parts, min(EARLY, TIMES * EARLY // parts))}
    return sorted(sizes | ({TIMES * limit} if TIMES * limit > EARLY else set()))


def same_reference(text: str) -> Q:
    """The condition that a reference is this text, in any case."""
    return Q(reference__iexact=text) if _ALPHANUMERIC.search(text) else Q(reference=text)


def _is_piece(text: str) -> bool:
    """Whether the index has groups of three signs of this text as a piece, by which to look for it."""
    return len(text) >= SHORTEST_PIECE and bool(_GROUP.search(text))


def _in_columns(text: str) -> Q:
    if not _ALPHANUMERIC.search(text):  # the index has nothing of it: all reviews would be read
        return Q(reference=text)
    lookup = "icontains" if _is_piece(text) else "istartswith"
    # Those first that many reviews share: of many matches, most need one comparison.
    return reduce(or_, (Q(**{f"{name}__{lookup}": text}) for name in reversed(SEARCHED)))


def _of_value(text: str) -> Q:
    """The condition of `with_value`; empty for a text that can be no such value."""
    fits = Q(execution_arn=text) if text.startswith("arn:") else Q()
    amount = numbers.decimal(text.replace(",", ""), magnitude=12)
    if amount is not None:
        fits |= Q(amount=amount)
    digits = text.lower().replace("-", "")
    if _ID_START.fullmatch(digits):
        fits |= Q(pk__range=(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))))
    return fits


def _ways(text: str) -> list[Q]:
    """The conditions of `with_text`, each with an index: together they would have none."""
    ways = [_in_columns(text), _of_value(text)]
    if _is_piece(text):
        ways.append(Q(pk__in=Comment.objects.filter(text__icontains=text).values("review")))
    return [way for way in ways if way]


def _anywhere(text: str) -> Q:
    """The whole condition of `with_text`, for one row after another."""
    fits = _in_columns(text) | _of_value(text)
    if _is_piece(text):
        comments = Comment.objects.filter(text__icontains=text)
        fits |= Q(Exists(comments.filter(review=OuterRef("pk"))))
    return fits
