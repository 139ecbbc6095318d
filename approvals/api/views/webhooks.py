"""Decisions by signed webhook, for programs that hold a shared secret instead of a bearer token.

The body may hold a task token, in any member: nothing of it is repeated in a response, a log line or
the stored idempotency key.
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
from approvals.api import errors, queries, rate_limits, webhook_schema, webhook_signature
from approvals.api.endpoint import JSONOnly, is_json
from approvals.api.serializers.webhooks import WebhookDecision
from approvals.exceptions import (
    ApprovalsError,
    IdempotencyConflict,
    IdempotencyMismatch,
    Invalid,
    NotAllowed,
    NotFound,
    Throttled,
    Unavailable,
)
from approvals.models import Decision, IdempotencyKey, ReviewTask, User
from approvals.models.choices import Outcome, Surface
from approvals.records import idempotency, tokens
from approvals.untrusted import strict_json

log = structlog.get_logger(__name__)

REQUEST = "POST /api/v1/webhooks/decision/"


class WebhookDecisions(APIView):
    """Decides a review with a signed request."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = JSONOnly
    http_method_names = ["post"]

    @webhook_schema.decide
    def post(self, request: Request) -> JsonResponse:
        """Approve or reject with a request that is signed as Standard Webhooks specifies.

        A repeated `webhook-id` with the same body gets the first response again, a refusal too; with
        another body, 409 receipt_conflict.
        """
        body = _raw_body(request)
        try:
            signed = webhook_signature.verified(request.headers, body)
        except webhook_signature.NotSigned:
            rate_limits.count_address(request)
            raise
        rate_limits.count_webhook_secret(signed.secret)
        if body and not is_json(request):
            raise UnsupportedMediaType(str(request.content_type))
        key = idempotency.Key(
            principal=signed.principal,
            key=signed.id,
            request=REQUEST,
            body_sha256=hashlib.sha256(body).digest(),
            status=200,
        )
        return _response(_run_once(key, signed, body), body)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Forbid caching, and name the scheme of a 401 in WWW-Authenticate (RFC 9110, 11.6.1)."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        if final.status_code == 401:
            final.headers["WWW-Authenticate"] = "StandardWebhooks"
        return final


def _raw_body(request: Request) -> bytes:
    """Returns the body unparsed. Raises TooLarge before anything is hashed."""
    stream = request.stream
    body: bytes = b"" if stream is None else stream.read(webhook_signature.MAX_BODY + 1)
    if len(body) > webhook_signature.MAX_BODY:
        raise errors.TooLarge(f"The body has over {webhook_signature.MAX_BODY} bytes.")
    return body


def _run_once(
    key: idempotency.Key, signed: webhook_signature.Signed, body: bytes
) -> IdempotencyKey:
    """Decide unless this id has been used before; returns what is stored under the id in either case.

    Refusals are stored and repeated too. Raises IdempotencyConflict if the id was used with another body,
    and the refusals and errors that are not stored because the same request may succeed later.
    """
    stored = _stored(key)
    if stored is not None:
        return stored
    try:
        _decide(key, signed, _parsed(body))
    except idempotency.AlreadyAnswered as first:
        log.info("webhook.twin", status=first.status)
    except (ApprovalsError, ValidationError) as refusal:
        if isinstance(refusal, ApprovalsError) and _is_temporary(refusal):
            raise
        problem = errors.problem_response(refusal, {})
        idempotency.keep_refusal(key, problem.status_code, json.loads(problem.content))
    # Of two concurrent requests one may be refused and the other not: both get what was stored first.
    stored = _stored(key)
    if stored is None:
        raise Unavailable
    return stored


def _is_temporary(refusal: ApprovalsError) -> bool:
    """Returns whether the same request may succeed later, so that its id must stay unused."""
    return refusal.status >= 500 or refusal.status == Throttled.status


def _stored(key: idempotency.Key) -> IdempotencyKey | None:
    """Returns what an earlier request with this id and body has stored. Raises IdempotencyConflict."""
    try:
        return idempotency.earlier(key)
    except IdempotencyMismatch:
        raise IdempotencyConflict from None


def _parsed(body: bytes) -> dict[str, Any]:
    """Returns the validated body. Raises Invalid or ValidationError, with messages that repeat none of it."""
    try:
        document = strict_json.read(body.decode())
    except strict_json.Unreadable as error:
        reason = error.reason.replace("_", " ")
        raise Invalid(f"The body cannot be read: {reason}.", pointer="") from None
    fields = WebhookDecision(data=document)
    fields.is_valid(raise_exception=True)
    return cast("dict[str, Any]", fields.validated_data)


def _decide(key: idempotency.Key, signed: webhook_signature.Signed, asked: dict[str, Any]) -> None:
    """Cast the vote of the reviewer that the body names. Raises the refusals of the verb."""
    review_id = _review_id(signed, asked)
    reviewer = User.objects.filter(email=_email(asked)).first()
    if reviewer is None:
        raise NotAllowed(webhook_schema.NOT_A_REVIEWER)
    outcome = Outcome.APPROVED if asked["approved"] else Outcome.REJECTED
    wanted = decisions.DecisionRequest(reason=asked["reason"] or "", undo_seconds=0)
    by = Actor(reviewer, Surface.WEBHOOK, signed_in=signed.signer)
    try:
        decisions.decide(review_id, outcome, by=by, request=wanted, key=key)
    except (NotAllowed, NotFound):
        # The review exists, so both are about the reviewer: unknown, inactive and not allowed get the
        # same response.
        raise NotAllowed(webhook_schema.NOT_A_REVIEWER) from None


def _review_id(signed: webhook_signature.Signed, asked: dict[str, Any]) -> UUID:
    """Returns the review that the body names. Raises NotFound, also if the secret is another queue's."""
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


def _response(stored: IdempotencyKey, body: bytes) -> JsonResponse:
    """Returns the response to a stored request, in the same bytes however often it is repeated."""
    refusal: Any = stored.answer
    return JsonResponse(
        _outcome(stored, _email(_parsed(body))) if refusal is None else refusal,
        status=stored.status,
        content_type="application/json" if refusal is None else errors.MEDIA_TYPE,
        json_dumps_params={"sort_keys": True},  # jsonb does not keep the order of keys
    )


def _outcome(stored: IdempotencyKey, reviewer: str) -> dict[str, Any]:
    """Returns what a request has decided, from its audit event and its decision, which never change."""
    review_id = cast("UUID", stored.result)
    event = queries.vote_event(review_id, Surface.WEBHOOK, reviewer, since=stored.created_at)
    decision = Decision.objects.filter(pk=event.data.get("decision")).only("decided_at").first()
    return {
        "review_id": str(review_id),
        "outcome": event.data["outcome"],
        "decision_id": str(decision.pk) if decision else None,
        "by": reviewer,
        "decided_at": decision.decided_at.isoformat() if decision else None,
    }
