"""`start_orders`: the report on a file of orders, and the line of each row that is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from approvals.gateways import aws
from approvals.management.commands import start_orders
from approvals.models import OrderBatch
from tests.fake_aws import FakeAws

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fake(settings: Settings) -> Iterator[FakeAws]:
    """Step Functions, with an order workflow."""
    with FakeAws(fsync=False) as made:
        settings.AWS_ENDPOINT_URL = made.endpoint
        settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = made.machine("orders")
        aws.forget()
        yield made
    aws.forget()


def run(*arguments: str) -> tuple[int, dict[str, int], str]:
    """Run the command; return the exit code, the report and standard error."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("start_orders", *arguments, stdout=out, stderr=err)
    except SystemExit as left:
        code = int(str(left.code))
    lines = [line.split() for line in out.getvalue().splitlines()]
    report = {name: int(count) for name, count in lines if int(count)}
    return code, report, err.getvalue()


def written(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(rows))
    return str(path)


def order(number: int) -> str:
    return json.dumps({"order_id": f"A-{number}"})


def test_a_file_is_started_and_reported(fake: FakeAws, tmp_path: Path) -> None:
    code, report, _ = run(written(tmp_path, order(1), order(2), order(3)))

    assert (code, report) == (0, {"read": 3, "executions": 3})
    assert len(fake.log.effects("ExecutionStarted")) == 3


def test_a_bad_row_is_a_finding_with_its_line(fake: FakeAws, tmp_path: Path) -> None:
    code, report, output = run(written(tmp_path, order(1), "bad", order(3)))

    assert (code, report) == (3, {"read": 3, "executions": 2, "refused": 1})
    assert "line 2: The row is not JSON" in output


def test_the_report_accounts_for_every_line(fake: FakeAws, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text('order_id;amount;note\nA-1;1,50;"two\nlines"\n\nA-2;1.234;\n')

    code, report, output = run(str(path))

    assert (code, report) == (3, {"read": 2, "executions": 1, "refused": 1})
    assert "4 lines below the header: 1 rows, 1 refused, 1 blank, 1 that continue a row" in output
    assert "line 5: amount is not an amount: '1.234' has 3 decimals" in output


def test_a_file_without_the_ids_of_orders_is_refused_once(fake: FakeAws, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("Order number\n" + "\n".join(map(str, range(3_000))))

    code, report, output = run(str(path))

    assert (code, report) == (3, {"read": 1, "refused": 1})
    assert output.count("The header has no order_id; the first line is 'Order number'.") == 2
    assert "stopped: Line 1: " in output


def test_a_stopped_batch_goes_on_with_the_same_file_alone(fake: FakeAws, tmp_path: Path) -> None:
    path = written(tmp_path, order(1), "bad", order(3))
    code, _, output = run(path, "--on-bad-row", "stop")
    batch = str(OrderBatch.objects.get().pk)
    assert code == 3
    assert f"batch {batch}" in output
    assert "stopped: Line 2" in output

    other = tmp_path / "other.jsonl"
    other.write_text(order(1))
    with pytest.raises(CommandError, match="is not the file"):
        run(str(other), "--resume", batch)
    with pytest.raises(CommandError, match="read from a file, orders"):
        run("--resume", batch)

    code, report, _ = run(path, "--resume", batch)
    assert (code, report) == (3, {"read": 3, "executions": 2, "refused": 1})
    assert len(fake.log.effects("ExecutionStarted")) == 2


def test_with_step_functions_away_everything_is_stored_and_said_so(
    fake: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_orders, "PATIENCE", 0.5)
    fake.rates("StartExecution", unavailable=1.0)

    code, report, output = run(written(tmp_path, order(1), order(2)))

    assert (code, report) == (3, {"read": 2, "under_way": 2})
    assert "stored, will be started" in output
