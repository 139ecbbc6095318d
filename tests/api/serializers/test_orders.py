"""An order's attempt and an intervention in an answer: what is not known yet is null."""

from __future__ import annotations

from datetime import UTC, datetime

from approvals.api.serializers.orders import AttemptAnswer, InterventionAnswer
from approvals.models import OrderExecution, OrderIntervention, User

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_an_attempt_that_was_not_started_has_no_execution_and_no_error() -> None:
    shown = AttemptAnswer(OrderExecution(created_at=NOON, attempt=1, status="pending")).data

    assert (shown["execution_arn"], shown["error"]) == (None, None)


def test_an_attempt_that_failed_names_its_error() -> None:
    failed = OrderExecution(
        created_at=NOON, attempt=1, status="failed", error="Gateway.Busy", cause="Later."
    )

    assert AttemptAnswer(failed).data["error"] == {"name": "Gateway.Busy", "cause": "Later."}


def test_an_intervention_has_an_outcome_once_it_is_known_and_a_person_if_one_asked() -> None:
    order = OrderExecution(attempt=2)
    olga = User(email="olga@example.com")
    asked = OrderIntervention(order=order, kind="stop", created_at=NOON, created_by=olga)
    done = OrderIntervention(order=order, kind="stop", created_at=NOON, outcome="done")

    first, second = InterventionAnswer(asked).data, InterventionAnswer(done).data

    assert (first["outcome"], first["by"], first["attempt"]) == (None, "olga@example.com", 2)
    assert (second["outcome"], second["by"]) == ("done", None)
