"""The schema's examples: each is sent, and its answer compared with what the examples say."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests import factories
from tests.api.desk_for_examples import World
from tests.api.schema_documents import Document, check, examples, operations

on_a_served_desk = pytest.mark.django_db(transaction=True)
FREE = {"payload", "data", "edits", "input"}  # what a message or an event brought: any shape


def outline(value: Any, name: str = "") -> Any:
    """What members a JSON value has, at every depth that we shape; a null may stand for anything."""
    if value is None or name in FREE:
        return None
    if isinstance(value, dict):
        return {key: outline(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [outline(value[0])] if value else None
    return float if isinstance(value, float) else type(value)


def alike(left: Any, right: Any) -> bool:
    """Whether two outlines agree wherever both say something."""
    if left is None or right is None:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return alike(left[0], right[0])
    return bool(left == right)


def test_every_example_is_what_its_schema_says(schema: Document) -> None:
    seen = 0
    for _, _, operation in operations(schema):
        contents = [operation.get("requestBody", {"content": {}})["content"]]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for content in (media for of in contents for media in of.values()):
            for value in examples(content).values():
                check(schema, content["schema"], value)
                seen += 1
            assert examples(content), operation["operationId"]
    assert seen > 200


@on_a_served_desk
def test_every_request_example_is_taken_and_answered_as_the_examples_say(
    schema: Document, world: World
) -> None:
    world.rows()
    for path, method, operation in operations(schema):
        contents = operation.get("requestBody", {}).get("content", {})
        bodies = examples(contents["application/json"]) if contents else {"": None}
        for name, body in bodies.items():
            about = (operation["operationId"], name)
            where = world.filled(path, operation["operationId"])

            answer = world.send(method, where, world.with_a_review(body))

            assert answer.status_code < 300, (about, answer.text)
            content = operation["responses"][str(answer.status_code)]["content"]["application/json"]
            check(schema, content["schema"], answer.json())
            for example in examples(content).values():
                assert alike(outline(example), outline(answer.json())), (
                    about,
                    example,
                    answer.json(),
                )
            for header, rule in (
                operation["responses"][str(answer.status_code)].get("headers", {}).items()
            ):
                assert answer.headers[header] or not rule["required"], about


@on_a_served_desk
def test_the_refusals_come_with_the_headers_and_members_that_are_described(
    schema: Document, world: World
) -> None:
    review = factories.review(world.queue)
    claim = schema["paths"]["/api/v1/reviews/{review_id}/claim/"]["post"]["responses"]
    path = f"/api/v1/reviews/{review.pk}/claim/"
    anonymous = requests.post(f"{world.url}{path}", json={}, timeout=30)
    answers = [
        anonymous,
        world.send("post", path, {}, **{"If-Match": '"9"'}),
        world.send("post", path, {"overide": True}),
        world.send("post", path.replace(str(review.pk), str(world.lena.pk)), {}),
    ]

    assert [answer.status_code for answer in answers] == [401, 412, 422, 404]
    for answer in answers:
        described = claim[str(answer.status_code)]
        assert answer.headers["Content-Type"] == next(iter(described["content"]))
        content = described["content"]["application/problem+json"]
        check(schema, content["schema"], answer.json())
        assert answer.json()["code"] in [shown["code"] for shown in examples(content).values()]
        assert described.get("headers", {}).keys() <= set(answer.headers)
