"""Rules on task tokens and timeouts: at the number, just below and just above it."""

from __future__ import annotations

import copy

import pytest

from approvals.workflows.linting.rule import QueueSettings
from tests.workflows.linting.definitions import ASK, definition, findings, waits, workflow


def test_a_message_without_the_token_is_found() -> None:
    review = copy.deepcopy(waits())
    del review["Parameters"]["MessageBody"]["taskToken.$"]

    assert findings(definition(workflow(Ask=review))) == [("callback-token-missing", ASK)]


@pytest.mark.parametrize(
    ("seconds", "queue", "rule"),
    [
        (10, QueueSettings(undo_seconds=10), "review-timeout-below-undo"),
        (11, QueueSettings(undo_seconds=10), None),
        (345_599, QueueSettings(), None),
        (345_600, QueueSettings(), "review-outlives-retention"),
        (345_600, QueueSettings(retention_seconds=1_209_600), None),
    ],
)
def test_a_review_lasts_longer_than_the_undo_and_shorter_than_the_queue_keeps_it(
    seconds: int, queue: QueueSettings, rule: str | None
) -> None:
    body = workflow(Ask=waits(TimeoutSeconds=seconds)) | {"TimeoutSeconds": 9_999_999}

    place = f"{ASK}/TimeoutSeconds"
    assert findings(definition(body), queue) == ([(rule, place)] if rule else [])


@pytest.mark.parametrize(("beat", "found"), [(3_599, False), (3_600, True), (4_000, True)])
def test_a_heartbeat_is_faster_than_the_timeout(beat: int, found: bool) -> None:
    wanted = [("heartbeat-above-timeout", f"{ASK}/HeartbeatSeconds")] if found else []

    assert findings(definition(workflow(Ask=waits(HeartbeatSeconds=beat)))) == wanted
