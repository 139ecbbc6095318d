"""The readers of messages, maps, order files and definitions, fuzzed by coverage: what holds of any input."""

from __future__ import annotations

import platform
import sys

import pytest

from tests.fuzz import __main__ as by_coverage
from tests.fuzz import readers

ATHERIS_HAS_A_WHEEL = (
    sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 14)
)
SECONDS = 15


@pytest.mark.parametrize("target", by_coverage.NAMES)
def test_every_input_of_the_corpus_holds(target: str) -> None:
    corpus = readers.seeds(target)

    for content in [*corpus, b"", *(content[: len(content) // 2] for content in corpus)]:
        readers.TARGETS[target](content)

    assert set(readers.TARGETS) == set(by_coverage.NAMES)


@pytest.mark.campaign
@pytest.mark.skipif(not ATHERIS_HAS_A_WHEEL, reason="atheris has no wheel for this machine")
@pytest.mark.parametrize("target", by_coverage.NAMES)
def test_no_input_that_coverage_leads_to_breaks_a_reader(target: str) -> None:
    held, report = by_coverage.fuzzed(target, SECONDS)

    assert held, report
