"""Describes the webhook endpoint for the OpenAPI document: body, signature headers, refusals."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from approvals.actions import decisions
from approvals.api import errors, schema, webhook_signature
from approvals.api.serializers.fields import STORABLE, UUID_PATTERN
from approvals.api.serializers.webhooks import WebhookDecision, WebhookDecisionAnswer
from approvals.exceptions import (
    IdempotencyConflict,
    Invalid,
    NotAllowed,
    NotFound,
    Throttled,
    Unavailable,
)
from approvals.messages import MAX_TOKEN

NOT_A_REVIEWER = "This reviewer may not decide here."

# Written out, because drf-spectacular cannot derive `oneOf` from a serializer's `validate`.
BODY = {
    "type": "object",
    "description": WebhookDecision.__doc__,
    "properties": {
        "task_token": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TOKEN,
            "pattern": STORABLE,
        },
        "review_id": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "approved": {"type": "boolean"},
        "reviewer_email": {
            "type": "string",
            "format": "email",
            "minLength": 1,
            "maxLength": 254,
            "description": "The e-mail address of the active user who decides.",
        },
        "reason": {
            "type": ["string", "null"],
            "maxLength": decisions.MAX_REASON,
            "pattern": STORABLE,
            "description": "Absent, null or empty: no reason is given.",
        },
    },
    "required": ["approved", "reviewer_email"],
    "oneOf": [{"required": ["task_token"]}, {"required": ["review_id"]}],
    "additionalProperties": False,
}


def _header(name: str, pattern: str, description: str) -> OpenApiParameter:
    kind = {"type": "string", "pattern": f"^{pattern}$"}
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, required=True, description=description
    )


HEADERS = [
    _header(
        "webhook-id",
        webhook_signature.ID_PATTERN,
        "Chosen by the sender: 1 to 255 printable ASCII characters, no space, dot or comma.",
    ),
    _header(
        "webhook-timestamp",
        webhook_signature.TIMESTAMP_PATTERN,
        "Unix time in seconds, at most five minutes from the service's clock.",
    ),
    _header(
        "webhook-signature",
        webhook_signature.SIGNATURES_PATTERN,
        "`v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`; up to ten"
        " signatures, separated by spaces.",
    ),
]
REFUSALS = (
    webhook_signature.NotSigned(),
    NotAllowed(NOT_A_REVIEWER),
    NotFound(),
    schema.ALREADY_DECIDED,
    schema.CLAIMED_BY_ANOTHER,
    schema.DEADLINE_PASSED,
    IdempotencyConflict(),
    errors.TooLarge(f"The body has over {webhook_signature.MAX_BODY} bytes."),
    Invalid("Give either task_token or review_id.", pointer=""),
    Throttled(retry_after=1),
    Unavailable(),
)
decide = extend_schema(
    operation_id="webhooks_decide",
    auth=[],
    parameters=HEADERS,
    request={"application/json": BODY},
    responses={
        200: OpenApiResponse(WebhookDecisionAnswer, "What this request has decided."),
        **schema.problem_responses(
            [schema.UNSUPPORTED_TYPE, *(errors.document_of(refusal) for refusal in REFUSALS)]
        ),
    },
    examples=[
        OpenApiExample(
            "Approve the review of a task token",
            {"task_token": "AQCEAAAAKg...", "approved": True, "reviewer_email": "ada@example.com"},
            request_only=True,
        ),
    ],
)
