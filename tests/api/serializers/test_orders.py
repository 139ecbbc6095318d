"""An order's attempt and an intervention in an answer: what is not known yet is null."""

from __future__ import annotations

from approvals.api.serializers.orders import AttemptAnswer, InterventionAnswer
from approvals.models import OrderExecution, OrderIntervention, User


def test_an_attempt_that_was_not_started_has_no_execution_and_no_error() -> None:
    shown = AttemptAnswer(OrderExecution(attempt=1, status="pending")).data

    assert (shown["execution_arn"], shown["error"]) == (None, None)


def test_an_attempt_that_failed_names_its_error() -> None:
    failed = OrderExecution(attempt=1, status="failed", error="Gateway.Busy", cause="Later.")

    assert AttemptAnswer(failed).data["error"] == {"name": "Gateway.Busy", "cause": "Later."}


def test_an_intervention_has_an_outcome_once_it_is_known_and_a_person_if_one_asked() -> None:
    order = OrderExecution(attempt=2)
    asked = OrderIntervention(order=order, kind="stop", created_by=User(email="olga@example.com"))
    done = OrderIntervention(order=order, kind="stop", outcome="done")

    first, second = InterventionAnswer(asked).data, InterventionAnswer(done).data

    assert (first["outcome"], first["by"], first["attempt"]) == (None, "olga@example.com", 2)
    assert (second["outcome"], second["by"]) == ("done", None)
