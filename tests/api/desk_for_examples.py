"""A served desk on which each example of the schema can be tried."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from django.db.models import F

from approvals.actions import (
    assignment,
    credentials,
    decisions,
    intake,
    lifecycle,
    people,
    queues,
)
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.gateways import stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.messages import task_tokens
from approvals.models import (
    Decision,
    OrderExecution,
    OutboxEntry,
    QuarantinedMessage,
    ReviewQueue,
    ReviewTask,
)
from approvals.models.choices import Outcome
from approvals.orchestration.batches import runner
from tests import factories
from tests.bulk import begun
from tests.factories import actor


class World:
    """Rows for each operation to act on, and the caller."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue = factories.queue(undo_seconds=30)
        ReviewQueue.objects.update(output_schema={"type": "object"})
        self.lena = factories.user("lena@example.com", "lead", self.queue)
        factories.user("bob@example.com", "reviewer", self.queue)
        for site in ("orders", "operator"):
            people.grant_site(self.lena, site, by=COMMAND_LINE)
        self.session = requests.Session()
        token = credentials.issue_token(self.lena, "examples", by=COMMAND_LINE)
        self.session.headers["Authorization"] = f"Bearer {token}"

    def place(self, operation_id: str, parameter: str) -> str:
        """Something the operation can be tried on."""
        makers = {
            "slug": self._queue,
            "review_id": self._review,
            "decision_id": self._decision,
            "message_id": self._message,
            "order_id": self._order,
            "batch_id": self._batch,
            "job_id": self._bulk,
        }
        return makers[parameter](operation_id)

    def _queue(self, operation_id: str) -> str:
        factories.review(self.queue)
        if operation_id in ("queues_settings", "queues_set"):
            settings = {"message_map": {"token": "$.a"}, "pointer_buckets": ["a-bucket"]}
            queues.save(self.queue.slug, settings, by=COMMAND_LINE)
        return self.queue.slug

    def _review(self, operation_id: str) -> str:
        row = factories.review(self.queue)
        if operation_id in ("reviews_renew", "reviews_release"):
            assignment.claim(row.pk, by=actor(self.lena, "api"))
        if operation_id == "reviews_comments":
            self.send("post", f"/api/v1/reviews/{row.pk}/comments/", {"text": "Seen."})
        if operation_id == "reviews_close_unproved":
            overdue = ReviewTask.objects.filter(pk=row.pk)
            overdue.update(execution_arn="", deadline_at=F("sent_at"))
            lifecycle.mark_unproved(row.pk)
        return str(row.pk)

    def _decision(self, _: str) -> str:
        decisions.decide(factories.review(self.queue).pk, Outcome.APPROVED, by=actor(self.lena))
        return str(Decision.objects.latest("decided_at").pk)

    def _message(self, operation_id: str) -> str:
        with pytest.MonkeyPatch.context() as broken:
            if operation_id == "quarantine_replay":
                broken.setattr(task_tokens, "MAX_TOKEN", 5)
                body = json.dumps(factories.message())
            else:
                body = '{"orderId": "ORD-1042"}'
            intake.accept(self.queue, [factories.received(body)])
        return str(QuarantinedMessage.objects.latest("received_at").pk)

    def _order(self, operation_id: str) -> str:
        order_id = f"of/this-{OrderExecution.objects.count()}"
        with pytest.MonkeyPatch.context() as away:
            arn = "arn:aws:states:us-east-1:123456789012:execution:orders:order-1"
            started = (Answer(Proof.ACCEPTED, "", "request-1"), arn)
            away.setattr(stepfunctions, "start_execution", lambda *_: started)
            self.send("post", "/api/v1/orders/", {"order_id": order_id})
            lanes.drain(OutboxEntry.Lane.EXECUTIONS)
        if operation_id == "orders_restart":
            OrderExecution.objects.filter(order_id=order_id).update(status="failed")
        return order_id

    def _bulk(self, _: str) -> str:
        return str(begun([factories.review(self.queue)], self.lena, undo_seconds=10).pk)

    def _batch(self, _: str) -> str:
        body = {"orders": [{"order_id": "ORD-1"}, {"total": 5}], "on_bad_row": "stop"}
        answer = self.send("post", "/api/v1/order-batches/", body)
        runner.Scheduler().turn()
        return str(answer.json()["id"])

    def with_a_review(self, body: Any) -> Any:
        """The body with a review that there is, where it names some."""
        if not isinstance(body, dict) or "reviews" not in body:
            return body
        return body | {"reviews": [str(factories.review(self.queue).pk)]}

    def rows(self) -> None:
        """One of everything that is listed."""
        for parameter in ("slug", "message_id", "order_id", "decision_id"):
            self.place("", parameter)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """A request to the served desk."""
        return self.session.request(
            method, f"{self.url}{path}", json=body, headers=headers, timeout=30
        )

    def filled(self, path: str, operation_id: str) -> str:
        """The path with something real in its place."""
        return re.sub(r"\{(\w+)\}", lambda name: self.place(operation_id, name[1]), path)
