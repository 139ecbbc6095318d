"""The demo's secrets, and files that only their owner can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.processes import LocalError
from local.supervisor.private_files import demo_secrets, write_private


def test_secrets_are_made_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = demo_secrets(path)

    assert demo_secrets(path) == first
    assert first["token_keys"].startswith("demo:")
    path.write_text("{")
    with pytest.raises(LocalError, match="remove it"):
        demo_secrets(path)


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
