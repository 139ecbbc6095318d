"""The description of the webhook: which bodies it takes, and its headers."""

from __future__ import annotations

from tests.api.schema_documents import Document, fits, named

AN_ID = "01a203be-dfa7-7a98-a842-c430dab4db4e"


def test_an_empty_webhook_is_none_by_its_document(schema: Document) -> None:
    _, operation = named(schema, "webhooks_decide")
    shape = operation["requestBody"]["content"]["application/json"]["schema"]
    body = {"approved": True, "reviewer_email": "ada@example.com"}

    assert fits(schema, shape, body | {"task_token": "x"})
    assert fits(schema, shape, body | {"review_id": AN_ID, "reason": None})
    for more in (
        *({}, {"task_token": ""}, {"review_id": ""}, {"task_token": "x", "review_id": AN_ID}),
        *({"task_token": "x", "token": "x"}, {"task_token": "x", "reviewer_email": ""}),
        *({"task_token": "x", "reason": 1}, {"task_token": "x\0"}),
    ):
        assert not fits(schema, shape, body | more), more


def test_the_schema_names_the_headers_and_wants_no_bearer_token(schema: Document) -> None:
    described = schema["paths"]["/api/v1/webhooks/decision/"]["post"]

    headers = [p["name"] for p in described["parameters"] if p["in"] == "header" and p["required"]]
    assert headers == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert not described.get("security")
    assert described["operationId"] == "webhooks_decide"
    assert "application/problem+json" in described["responses"]["401"]["content"]
