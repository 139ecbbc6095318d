"""`start_order`: the execution's ARN alone, or that the order is stored."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import (
    OrderExecution,
)
from tests.management.command_line import refused, run

pytestmark = pytest.mark.django_db
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


def test_start_order_prints_the_arn_alone_and_the_same_one_again(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    started: list[tuple[str, str, str]] = []

    def start(machine: str, name: str, text: str) -> tuple[Answer, str]:
        started.append((machine, name, text))
        return Answer(Proof.ACCEPTED), f"{machine}/{name}"

    monkeypatch.setattr(stepfunctions, "start_execution", start)
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"total": 1, "order_id": "A-1"}))

    first, second = run("start_order", str(path)), run("start_order", str(path))

    assert first == second == f"{ARN}/order-A-1\n"
    assert started == [(ARN, "order-A-1", '{"order_id":"A-1","total":1}')]


def test_start_order_stores_the_order_and_ends_with_3_while_aws_is_away(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    away = Answer(Proof.NOT_SENT, "EndpointConnectionError")
    monkeypatch.setattr(stepfunctions, "start_execution", lambda *_: (away, ""))
    path = tmp_path / "order.json"
    path.write_text('{"order_id": "A-1"}')

    with pytest.raises(SystemExit) as ended:
        run("start_order", str(path))

    assert ended.value.code == 3
    assert OrderExecution.objects.get().status == "pending"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"order_id": ""}', '{"order_id": null}'])
def test_start_order_refuses_what_is_no_order(
    settings: Settings, tmp_path: Path, text: str
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    path = tmp_path / "order.json"
    path.write_text(text)

    assert "\n" not in refused("start_order", str(path))
    assert not OrderExecution.objects.exists()


def test_start_order_names_a_file_that_is_not_there(settings: Settings) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    assert "nowhere.json" in refused("start_order", "nowhere.json")


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf{"order_id": " A-1 ", "amount": 12345678901234567.89}',
        '{"order_id": "A-1", "amount": 12345678901234567.89}'.encode("utf-16"),
        b'{"order_id": "A-1", "amount": "12345678901234567.89"}',
    ],
)
def test_start_order_reads_what_editors_write_and_keeps_every_digit(
    db: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    accepted = (Answer(Proof.ACCEPTED), f"{ARN}/order-A-1")
    monkeypatch.setattr(stepfunctions, "start_execution", lambda *_: accepted)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert run("start_order", "-") == f"{ARN}/order-A-1\n"
    assert OrderExecution.objects.get().input == (
        '{"amount":"12345678901234567.89","order_id":"A-1"}'
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"order_id": "A-1", "amount": 1e2}', "'1e2'"),
        ('{"order_id": "A-1", "amount": "1.234"}', "3 decimals"),
        ('{"order_id": "A-1", "order_id": "A-2"}', "twice"),
        ('{"order_id": "A-1", "amount": NaN}', "NaN"),
        ('{"order_id": "A-1\\r"}', "unprintable"),
    ],
)
def test_start_order_is_as_strict_as_a_batch(
    settings: Settings, tmp_path: Path, text: str, what: str
) -> None:
    settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN = ARN
    path = tmp_path / "order.json"
    path.write_text(text)

    assert what in refused("start_order", str(path))
    assert not OrderExecution.objects.exists()
