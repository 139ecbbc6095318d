"""Bulk decisions: begin one, read its results, retry what failed, undo it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from approvals import visibility
from approvals.actions import bulk_decisions
from approvals.actions.bulk_decisions import BulkRequest, Wanted
from approvals.api import bulk_presentation, schema
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.bulk_decisions import BulkDecisionAnswer, BulkDecisionBody
from approvals.api.serializers.requests import EmptyBody
from approvals.exceptions import NotFound
from approvals.models import BulkJob
from approvals.models.choices import Outcome


class BulkEndpoint(Endpoint):
    """What the endpoints of bulk decisions share."""

    def job(self, job_id: UUID) -> BulkJob:
        """Returns a bulk decision that the caller may see. Raises NotFound."""
        row = visibility.visible_bulk_jobs(self.actor).filter(pk=job_id).first()
        if row is None:
            raise NotFound
        return row

    def act(self, verb: Callable[..., BulkJob], status: int = 200) -> Response:
        """Run a verb once as the caller, and respond with the bulk decision."""
        row = self.run_once(verb, lambda first: self.job(cast("UUID", first.result)), status=status)
        return Response(bulk_presentation.bulk_decision(row), status=status)


class BulkDecisions(BulkEndpoint):
    """All bulk decisions."""

    @schema.operation(
        "bulk_decisions_begin",
        BulkDecisionAnswer,
        body=BulkDecisionBody,
        status=201,
        refused=[404],
    )
    def post(self, request: Request) -> Response:
        """Begin a bulk decision. A worker decides its reviews one by one; read it for their results."""
        asked = self.body(BulkDecisionBody)
        wanted = [Wanted(pk) for pk in asked["reviews"]]
        wish = BulkRequest(
            outcome=Outcome(asked["outcome"]),
            reason=asked["reason"],
            reason_code=asked["reason_code"],
            undo_seconds=asked["undo_seconds"],
        )
        return self.act(partial(bulk_decisions.begin, wanted, wish), status=201)


class OneBulkDecision(BulkEndpoint):
    """One bulk decision."""

    @schema.operation("bulk_decisions_read", BulkDecisionAnswer, refused=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """Read a bulk decision and what has become of each of its reviews."""
        return Response(bulk_presentation.bulk_decision(self.job(job_id)))


class UndoBulk(BulkEndpoint):
    """The undoing of a bulk decision."""

    @schema.operation(
        "bulk_decisions_undo",
        BulkDecisionAnswer,
        body=EmptyBody,
        refused=[404, schema.UNDO_CLOSED],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Undo what is not sent to Step Functions yet, and cancel what is not decided yet."""
        self.body(EmptyBody)
        return self.act(partial(bulk_decisions.undo, job_id))


class RetryBulk(BulkEndpoint):
    """The repetition of what failed."""

    @schema.operation(
        "bulk_decisions_retry",
        BulkDecisionAnswer,
        body=EmptyBody,
        refused=[404, schema.UNDO_CLOSED],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Try the failed reviews again. What was refused stays refused; without failed ones nothing changes."""
        self.body(EmptyBody)
        return self.act(partial(bulk_decisions.retry, job_id))
