"""A copy of the tree as a careless checkout has it: with files that no image may contain."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.paths import ROOT

NOT_SOURCE = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "var")
CANARY = "must-never-be-in-an-image"
PLANTED = (
    *(".env", ".git/config", "secrets/secret_key", "var/demo.json", "dump.sql.gz"),
    *("approvals/.env", "local/keys.py", "approvals/__pycache__/old.pyc"),
    *("config/prod.env", "tests/test_planted.py"),
)


def planted_context(target: Path) -> Path:
    """A copy of the tree as a careless checkout has it: full of secrets, readable by root alone."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_SOURCE), symlinks=True)
    for name in PLANTED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(f"# {CANARY}\n")
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target
