"""`make test CHANGED=1`: the test files that depend on a change, and no others."""

from __future__ import annotations

import pytest

from tests import changed


@pytest.mark.parametrize(
    ("path", "expected", "others"),
    [
        ("approvals/worker/pool.py", "worker/test_pool", "web/test_reviews"),
        ("approvals/actions/decisions.py", "api/views/test_decisions", "workflows/asl/test_parser"),
        ("approvals/web/timeline.py", "web/test_timeline", "records/test_outbox"),
        ("approvals/templates/approvals/home.html", "web/test_home", "records/test_outbox"),
        (
            "approvals/management/commands/grant.py",
            "management/commands/test_grant",
            "management/commands/test_recover",
        ),
        ("local/aws/redrive.py", "local/aws/test_redrive", "records/test_tokens"),
        ("docs/webhook.md", "management/commands/test_create_webhook_secret", "worker/test_pool"),
        ("tests/records/test_tokens.py", "records/test_tokens", "records/test_outbox"),
    ],
)
def test_a_change_runs_what_depends_on_it_and_not_what_does_not(
    path: str, expected: str, others: str
) -> None:
    found = changed.test_files_for([path])

    assert f"tests/{expected}.py" in found
    assert f"tests/{others}.py" not in found


def test_a_change_that_no_import_shows_runs_everything() -> None:
    assert changed.test_files_for(["requirements.txt"]) == ["tests"]


def test_nothing_changed_runs_nothing() -> None:
    assert changed.test_files_for([]) == []
