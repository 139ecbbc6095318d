"""Whatever JSON a queue's keeper writes: it is refused with its place, or every page goes on working."""

from __future__ import annotations

import json
import logging
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.actions import credentials, decisions, queues
from approvals.actors import COMMAND_LINE
from approvals.exceptions import Invalid
from approvals.models import ReviewQueue, ReviewTask, User
from tests import factories
from tests.factories import actor

pytestmark = [pytest.mark.django_db]

PATIENCE = 6  # seconds for all that is done with one document
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
TEXTS = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["\0", "a\0b", "\ud800", "\u202e", "a" * 500, "a.b.0", "(", "(a+)+$", "#", "#/$defs/x", ARN]
)
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([2**64, -(10**400), 1e308, 5e-324, math.nan])
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int, *, inside: Any = 1, key: str = "not") -> Any:
    """A document this deep."""
    for _ in range(depth):
        inside = {key: inside}
    return inside


def keyed(*names: str) -> st.SearchStrategy[Any]:
    """An object with some of these names, whatever stands behind them."""
    return st.dictionaries(st.sampled_from(names) | TEXTS, ANYTHING, max_size=5)


POLICIES = (
    ANYTHING
    | keyed("reason_required_for")
    | st.fixed_dictionaries({"reason_required_for": st.lists(st.sampled_from(["approved", 1, ""]))})
)
FIELD = st.fixed_dictionaries(
    {"path": TEXTS | st.sampled_from(["input.total", "input.items", "input.customer.name"])},
    optional={
        "label": TEXTS,
        "kind": st.sampled_from(["money", "date", "text", "lines", "address", "x"]),
        "role": st.sampled_from(["amount", "customer", "requester"]),
        "sensitive": st.booleans(),
        "flag_when": st.none() | keyed("gt"),
    },
)
FIELDS = ANYTHING | st.lists(FIELD, max_size=4)
MACHINES = ANYTHING | st.lists(st.sampled_from([ARN, f"{ARN}:1", f"{ARN}\n"]) | TEXTS, max_size=3)
KEYWORDS = (
    *(
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "pattern",
    ),
    *("$ref", "$id", "$defs", "$dynamicRef", "$anchor", "$schema", "$vocabulary", "not", "allOf"),
    *("if", "then", "format", "multipleOf", "maximum", "minLength", "patternProperties"),
    *("unevaluatedProperties", "dependentRequired", "propertyNames", "contains", "uniqueItems"),
)
REFERENCES = ("#", "#/$defs/a", "https://example.com/x", "urn:x", "http://[", "%zz", "\0")
SCHEMAS = (
    ANYTHING
    | keyed(*KEYWORDS)
    | st.fixed_dictionaries({"$ref": st.sampled_from(REFERENCES) | TEXTS})
    | st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(TEXTS, keyed(*KEYWORDS))}
    )
)
EDITS: tuple[dict[str, Any], ...] = (
    {},
    {"total": 1},
    {"slow": "a" * 40 + "!"},
    {"total": "1e5", "a": [1, 1.0, True], "b": {"c": None}},
)


@pytest.fixture(scope="module", autouse=True)
def silence() -> Iterator[None]:
    """Thousands of lines about what was made up help nobody."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def patience() -> Iterator[None]:
    """What takes longer than PATIENCE is stopped where it is, in Python's own pattern matching too."""

    def enough(number: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, enough)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Desk:
    """A queue with a review, and everything that reads the queue's documents."""

    def __init__(self, queue: ReviewQueue, lena: Any) -> None:
        self.queue, self.lena = queue, lena
        self.review = factories.review(queue)
        self.browser = Client()
        self.browser.force_login(lena)
        token = credentials.issue_token(lena, "documents", by=COMMAND_LINE)
        self.program = Client(HTTP_AUTHORIZATION=f"Bearer {token}")

    def write(self, name: str, document: Any) -> bool:
        """Save the document; whether it was taken. A refusal must name the field."""
        try:
            queues.save(self.queue.slug, {name: document}, by=COMMAND_LINE)
        except Invalid as refusal:
            message = refusal.message
        else:
            return True
        assert message.startswith(f"{name}: "), message
        assert len(message) < 600
        return False

    def works(self) -> None:
        """Every page that reads the queue, every verb that goes by it, and a message that comes in."""
        arrived = factories.review(self.queue)
        for path in ("/", f"/queues/{self.queue.slug}/", f"/reviews/{self.review.pk}/"):
            assert self.browser.get(path).status_code == 200, path
        here = f"reviews/{self.review.pk}/"
        for path in ("queues/", f"reviews/?queue={self.queue.slug}", here, f"{here}events/"):
            assert self.program.get(f"/api/v1/{path}").status_code == 200, path
        for edits in EDITS if ReviewQueue.objects.get().output_schema is not None else ({},):
            self.decides(arrived, {"outcome": "approved", "edits": edits})
        self.decides(arrived, {"outcome": "rejected"})

    def decides(self, review: ReviewTask, body: dict[str, Any]) -> None:
        """The decision is taken or refused; taken, it is taken back."""
        path = f"/api/v1/reviews/{review.pk}/decisions/"
        request = {"undo_seconds": 10} | body
        answer = self.program.post(path, json.dumps(request), content_type="application/json")
        assert answer.status_code in (201, 422), answer.content
        if answer.status_code == 201:
            taken = answer.json()["decision"]["id"]
            decisions.undo(taken, by=actor(self.lena, "api"))


@pytest.fixture
def desk(queue: ReviewQueue, lena: User) -> Desk:
    queues.save(queue.slug, {"undo_seconds": 600}, by=COMMAND_LINE)
    return Desk(queue, lena)


many = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


FIELD_OF_TOTAL = {"path": "input.total"}
EACH: dict[str, tuple[str, Any]] = {
    "policy: both": ("policy", {"reason_required_for": ["approved", "rejected"]}),
    "policy: twice": ("policy", {"reason_required_for": ["approved", "approved"]}),
    "policy: lists": ("policy", {"reason_required_for": [["approved"]]}),
    "policy: null": ("policy", None),
    "policy: array": ("policy", []),
    "policy: empty text": ("policy", ""),
    "fields: lines as money": (
        "fields",
        [{"path": "input.items", "kind": "money", "role": "amount"}],
    ),
    "fields: object as customer": ("fields", [{"path": "input.customer", "role": "customer"}]),
    "fields: nul": ("fields", [{"path": "a\0b"}]),
    "fields: surrogate": ("fields", [{"path": "\ud800"}]),
    "fields: superscript index": ("fields", [{"path": "input.items.²"}]),
    "fields: arabic index": ("fields", [{"path": "input.items.\u0660"}]),
    "fields: markup": (
        "fields",
        [FIELD_OF_TOTAL | {"label": "</script>\u202e", "sensitive": True}],
    ),
    "fields: nan": ("fields", [FIELD_OF_TOTAL | {"flag_when": {"a": math.nan}}]),
    "fields: 5001 digits": ("fields", [FIELD_OF_TOTAL | {"flag_when": {"a": 10**5_000}}]),
    "fields: 301 digits": ("fields", [FIELD_OF_TOTAL | {"flag_when": {"a": 10**300}}]),
    "fields: 2000 deep": ("fields", [FIELD_OF_TOTAL | {"flag_when": nested(2_000)}]),
    "fields: 300 times": ("fields", [FIELD_OF_TOTAL] * 300),
    "fields: null": ("fields", None),
    "machines: two": ("state_machine_arns", [ARN, f"{ARN}:1"]),
    "machines: newline": ("state_machine_arns", [f"{ARN}\n"]),
    "machines: nul": ("state_machine_arns", [f"{ARN}\0"]),
    "machines: surrogate": ("state_machine_arns", [f"{ARN}\ud800"]),
    "machines: null": ("state_machine_arns", None),
    "machines: 2000": ("state_machine_arns", [f"{ARN}-{number}" for number in range(2_000)]),
    "schema: true": ("output_schema", True),
    "schema: false": ("output_schema", False),
    "schema: refers to itself": ("output_schema", {"$ref": "#"}),
    "schema: allOf itself": ("output_schema", {"allOf": [{"$ref": "#"}]}),
    "schema: property refers to itself": (
        "output_schema",
        {"properties": {"total": {"$ref": "#/properties/total"}}},
    ),
    "schema: refers to nothing": ("output_schema", {"$ref": "#/nowhere"}),
    "schema: refers elsewhere": ("output_schema", {"$ref": "https://example.com/schema.json"}),
    "schema: refers to no address": ("output_schema", {"$ref": "http://["}),
    "schema: lives at no address": ("output_schema", {"$id": "http://[", "$ref": "x"}),
    "schema: refers to no index": ("output_schema", {"$ref": "#/allOf/x", "allOf": [True]}),
    "schema: refers beyond the end": ("output_schema", {"$ref": "#/allOf/7", "allOf": [True]}),
    "schema: refers into a text": ("output_schema", {"$ref": "#/title/0", "title": "x"}),
    "schema: refers to no schema": ("output_schema", {"$ref": "#/title", "title": "x"}),
    "schema: dynamic": ("output_schema", {"$dynamicRef": "#nowhere"}),
    "schema: draft 4": (
        "output_schema",
        {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True},
    ),
    "schema: 7 is no dialect": ("output_schema", {"$schema": 7}),
    "schema: multiple of least": (
        "output_schema",
        {"properties": {"total": {"multipleOf": 5e-324}}},
    ),
    "schema: multiple of most": (
        "output_schema",
        {"properties": {"total": {"multipleOf": 10**400}}},
    ),
    "schema: nan": ("output_schema", {"properties": {"total": {"maximum": math.nan}}}),
    "schema: no pattern": ("output_schema", {"pattern": "("}),
    "schema: no property pattern": ("output_schema", {"patternProperties": {"(": True}}),
    "schema: pattern of another language": (
        "output_schema",
        {"additionalProperties": False, "patternProperties": {"\\p{L}": True}},
    ),
    "schema: pattern that never ends": (
        "output_schema",
        {"properties": {"slow": {"pattern": "^(a+)+$"}}},
    ),
    "schema: nul": ("output_schema", {"const": "\0"}),
    "schema: surrogate": ("output_schema", {"title": "\ud800"}),
    "schema: infinity": ("output_schema", {"enum": [math.inf]}),
    "schema: 5001 digits": ("output_schema", {"maximum": 10**5_000}),
    "schema: 60 deep": ("output_schema", nested(60, inside={})),
    "schema: 500 deep": ("output_schema", nested(500, inside={})),
    "schema: 5000 deep": ("output_schema", nested(5_000, inside={})),
    "schema: text": ("output_schema", "object"),
}


@pytest.mark.parametrize(
    "case",
    EACH,
)
def test_each_document_that_might_break_a_page(desk: Desk, case: Any) -> None:
    name, document = EACH[case]

    with patience():
        if desk.write(name, document):
            desk.works()


@pytest.mark.campaign
@many
@given(document=POLICIES)
def test_whatever_a_policy_says(desk: Desk, document: Any) -> None:
    if desk.write("policy", document):
        desk.works()


@pytest.mark.campaign
@many
@given(document=FIELDS)
def test_whatever_the_fields_say(desk: Desk, document: Any) -> None:
    if desk.write("fields", document):
        desk.works()


@pytest.mark.campaign
@many
@given(document=MACHINES)
def test_whatever_the_state_machines_are(desk: Desk, document: Any) -> None:
    if desk.write("state_machine_arns", document):
        desk.works()


@pytest.mark.campaign
@many
@given(document=SCHEMAS)
def test_whatever_the_output_schema_says(desk: Desk, document: Any) -> None:
    if desk.write("output_schema", document):
        desk.works()


def test_a_document_that_was_refused_has_changed_nothing(desk: Desk) -> None:
    desk.write("policy", {"reason_required_for": ["rejected"]})

    assert not desk.write("policy", {"reason_required_for": ["never"]})
    desk.queue.refresh_from_db()

    assert desk.queue.policy == {"reason_required_for": ["rejected"]}
