"""`lint_workflow`: each finding with its rule, and exit code 3."""

from __future__ import annotations

import json
from pathlib import Path

from tests.management.command_line import ended


def test_a_finding_is_named_by_its_rule_and_ends_with_3(tmp_path: Path) -> None:
    path = tmp_path / "endless.asl.json"
    states = {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}
    }
    path.write_text(json.dumps({"StartAt": "Ask", "States": states}))

    code, output = ended("lint_workflow", str(path))

    assert code == 3
    assert str(path) in output
    assert "/States/Ask" in output
