"""Digests of votes and decisions: the same before the row is written and after it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from approvals.models import Vote
from approvals.records import outcome_digests

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**40), 10**40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def digest(edits: Any) -> str:
    return outcome_digests.of_vote(
        Vote(id=None, outcome="approved", edits=edits, surface="web", cast_at=AT)
    )


AT = timezone.now()


class Stored(TestCase):
    """What the column gives back."""

    @settings(max_examples=200, deadline=None)
    @given(st.dictionaries(st.text("ab"), VALUES, max_size=3))
    def test_edits_have_the_same_digest_when_they_come_back(self, edits: dict[str, Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb::text", [json.dumps(edits)])
            (text,) = cursor.fetchone()

        assert digest(json.loads(text)) == digest(edits)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": "number 1"}),
        ({"a": True}, {"a": 1}),
        ({}, {"a": None}),
    ],
)
def test_other_edits_have_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(one) != digest(other)
