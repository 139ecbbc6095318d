"""The list of equivalent changes follows the code."""

from __future__ import annotations

import pytest

from tests.mutants import equivalent, mutations

pytestmark = pytest.mark.campaign


def test_every_row_fits_a_change_that_can_be_made() -> None:
    made = [each for module in mutations.MODULES for each in mutations.of_module(module)]

    assert [row for row in equivalent.ROWS if not any(row.fits(each) for each in made)] == []


def test_a_sample_is_repeated_by_its_seed_and_takes_each_place_once() -> None:
    made = mutations.of_module("approvals.policy")

    sample = mutations.sample(made, 20, seed=5)

    assert sample == mutations.sample(made, 20, seed=5)
    assert len({each.place for each in sample}) == 20
