"""What responses show of a quarantined message."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.api import quarantine_presentation
from tests.api.test_presentation import NOON, OSCAR, quarantined


@pytest.mark.parametrize(
    ("settled", "state", "by"),
    [
        ({}, "open", [None, None]),
        (
            {"replayed_at": NOON, "replayed_by": OSCAR},
            "replayed",
            ["oscar@example.com", None],
        ),
        (
            {"discarded_at": NOON, "discarded_by": OSCAR},
            "discarded",
            [None, "oscar@example.com"],
        ),
        ({"replayed_at": NOON}, "replayed", [None, None]),
    ],
)
def test_the_state_of_a_message_and_by_whom_it_came_about(
    settled: dict[str, Any], state: str, by: list[str | None]
) -> None:
    shown = quarantine_presentation.quarantined(quarantined(**settled))

    assert shown["state"] == state
    assert [shown["replayed_by"], shown["discarded_by"]] == by
