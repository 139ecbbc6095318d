"""Settings of Django REST framework, its tokens and the OpenAPI document; none comes from the environment."""

from __future__ import annotations

KNOX_TOKEN_MODEL = "approvals.ApiToken"  # noqa: S105
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["approvals.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["approvals.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["approvals.api.renderers.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["approvals.api.parsers.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "approvals.api.errors.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countersign",
    "DESCRIPTION": "Human approvals for AWS Step Functions: reviews, decisions, audit trails, orders.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],  # the schema is public, as the source is
    "ENUM_NAME_OVERRIDES": {
        "ReviewStatus": "approvals.models.ReviewTask.Status",
        "OrderStatus": "approvals.models.OrderExecution.Status",
        "Outcome": "approvals.models.choices.Outcome",
        "InterventionKind": "approvals.models.OrderIntervention.Kind",
        "InterventionOutcome": "approvals.models.OrderIntervention.Outcome",
        "DeliveryState": "approvals.api.serializers.reviews.DELIVERY_STATES",
        "QuarantineState": "approvals.api.serializers.quarantine.QUARANTINE_STATES",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "approvals.api.schema_postprocessing.complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
