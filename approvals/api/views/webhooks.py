"""Deciding by signed webhook: for programs that hold a shared secret instead of a bearer token.

The body may hold a task token, and so may whatever a caller mistook for it: nothing of the body is
ever repeated in an answer, a log line or a receipt.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast
from uuid import UUID

import structlog
from django.http import JsonResponse
from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from approvals.actions import decisions
from approvals.actors import Actor
from approvals.api import errors, rate_limits, webhook_schema, webhook_signature
from approvals.api.endpoint import OnlyJSON, is_json
from approvals.api.serializers.webhooks import WebhookDecision
from approvals.exceptions import (
    ApprovalsError,
    IdempotencyMismatch,
    Invalid,
    NotAllowed,
    NotFound,
    ReceiptConflict,
    Throttled,
    Unavailable,
)
from approvals.models import AuditEvent, Decision, Receipt, ReviewTask, User
from approvals.models.decisions import Outcome, Surface
from approvals.records import audit, idempotency, tokens
from approvals.untrusted import strict_json

log = structlog.get_logger(__name__)

REQUEST = "POST /api/v1/webhooks/decision/"
SAID = ("review.approved", "review.rejected", "vote.cast")  # the audit events of a vote


class WebhookDecisions(APIView):
    """Decisions of programs that sign what they say."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = OnlyJSON
    http_method_names = ["post"]

    @webhook_schema.decide
    def post(self, request: Request) -> JsonResponse:
        """Approve or reject with a request that is signed as Standard Webhooks specifies.

        A repeated `webhook-id` with the same body gets the first response again, a refusal too; with
        another body, 409 receipt_conflict.
        """
        body = _raw(request)
        try:
            signed = webhook_signature.verified(request.headers, body)
        except webhook_signature.NotSigned:
            rate_limits.count_stranger(request)
            raise
        rate_limits.count_signer(signed.secret)
        if body and not is_json(request):
            raise UnsupportedMediaType(str(request.content_type))
        key = idempotency.Key(
            principal=signed.principal,
            key=signed.id,
            request=REQUEST,
            body_sha256=hashlib.sha256(body).digest(),
            status=200,
        )
        return _answer(_carried_out(key, signed, body), body)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """A 401 names what it wants (RFC 9110, 11.6.1), and nobody stores an answer."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = "StandardWebhooks"
        return answer


def _raw(request: Request) -> bytes:
    """The body as it came. Raises TooLarge before anything is hashed."""
    stream = request.stream
    body: bytes = b"" if stream is None else stream.read(webhook_signature.MAX_BODY + 1)
    if len(body) > webhook_signature.MAX_BODY:
        raise errors.TooLarge(f"The body has over {webhook_signature.MAX_BODY} bytes.")
    return body


def _carried_out(key: idempotency.Key, signed: webhook_signature.Signed, body: bytes) -> Receipt:
    """The receipt of this call, whoever came first with it: this request, a twin, or one long ago.

    Raises ReceiptConflict where the id came with another body, and what is not remembered.
    """
    kept = _kept(key)
    if kept is not None:
        return kept
    try:
        _decide(key, signed, _read(body))
    except idempotency.AlreadyAnswered as twin:
        log.info("webhook.twin", status=twin.status)
    except (ApprovalsError, ValidationError) as refusal:
        if isinstance(refusal, ApprovalsError) and _passes(refusal):
            raise
        problem = errors.problem(refusal, {})
        idempotency.keep_refusal(key, problem.status_code, json.loads(problem.content))
    # Of twins in flight one may be refused and the other not: what is stored is what both answer.
    kept = _kept(key)
    if kept is None:
        raise Unavailable
    return kept


def _passes(refusal: ApprovalsError) -> bool:
    """Whether the same call may well succeed later, so that its id must not be used up."""
    return refusal.status >= 500 or refusal.status == Throttled.status


def _kept(key: idempotency.Key) -> Receipt | None:
    try:
        return idempotency.earlier(key)
    except IdempotencyMismatch:
        raise ReceiptConflict from None


def _read(body: bytes) -> dict[str, Any]:
    """What the body asks for. Raises Invalid or ValidationError, in words that repeat none of it."""
    try:
        document = strict_json.read(body.decode())
    except strict_json.Unreadable as error:
        what = error.reason.replace("_", " ")
        raise Invalid(f"The body cannot be read: {what}.", pointer="") from None
    given = WebhookDecision(data=document)
    given.is_valid(raise_exception=True)
    return cast("dict[str, Any]", given.validated_data)


def _decide(key: idempotency.Key, signed: webhook_signature.Signed, asked: dict[str, Any]) -> None:
    review_id = _review(signed, asked)
    reviewer = User.objects.filter(email=_email(asked)).first()
    if reviewer is None:
        raise NotAllowed(webhook_schema.NOT_A_REVIEWER)
    outcome = Outcome.APPROVED if asked["approved"] else Outcome.REJECTED
    wanted = decisions.DecisionRequest(reason=asked["reason"] or "", undo_seconds=0)
    by = Actor(reviewer, Surface.WEBHOOK, signed_in=signed.signer)
    try:
        decisions.decide(review_id, outcome, by=by, request=wanted, key=key)
    except (NotAllowed, NotFound):
        # The review is there, so either is about the reviewer: unknown, inactive and not allowed
        # sound alike.
        raise NotAllowed(webhook_schema.NOT_A_REVIEWER) from None


def _review(signed: webhook_signature.Signed, asked: dict[str, Any]) -> UUID:
    """The review that is meant. Raises NotFound, also where the secret belongs to another queue."""
    rows = ReviewTask.objects.all()
    if signed.secret.queue_id is not None:
        rows = rows.filter(queue=signed.secret.queue_id)
    if "review_id" in asked:
        rows = rows.filter(pk=asked["review_id"])
    else:
        rows = rows.filter(token_fingerprint=tokens.fingerprint(asked["task_token"]))
    found = rows.values_list("pk", flat=True).first()
    if found is None:
        raise NotFound
    return found


def _email(asked: dict[str, Any]) -> str:
    return str(asked["reviewer_email"]).strip().lower()


def _answer(kept: Receipt, body: bytes) -> JsonResponse:
    """The answer that a receipt stands for, in the same bytes however often it is asked for."""
    refusal: Any = kept.answer
    return JsonResponse(
        _facts(kept, _email(_read(body))) if refusal is None else refusal,
        status=kept.status,
        content_type="application/json" if refusal is None else errors.MEDIA_TYPE,
        json_dumps_params={"sort_keys": True},  # jsonb does not keep the order of keys
    )


def _facts(kept: Receipt, by: str) -> dict[str, Any]:
    """What the call did, from its audit event and its decision: neither ever changes again.

    The receipt is written first in the verb's transaction, so the event is the first after it.
    """
    event = (
        AuditEvent.objects.filter(
            chain=audit.chain_of("review", cast("UUID", kept.result)),
            kind__in=SAID,
            surface=Surface.WEBHOOK,
            actor_name=by,
            at__gte=kept.created_at,
        )
        .order_by("seq")
        .first()
    )
    said: Any = cast("AuditEvent", event).data
    decision = Decision.objects.filter(pk=said.get("decision")).only("decided_at").first()
    return {
        "review_id": str(kept.result),
        "outcome": said["outcome"],
        "decision_id": str(decision.pk) if decision else None,
        "by": by,
        "decided_at": decision.decided_at.isoformat() if decision else None,
    }
