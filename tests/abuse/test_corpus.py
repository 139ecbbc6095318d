"""The corpus of hostile messages as data: large enough, always the same, and each body comes to its end."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import pytest

from approvals import messages
from approvals.actions import intake
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from tests import factories
from tests.abuse import corpus
from tests.abuse.corpus import MAP, QUARANTINE, REFUSED, REVIEW, Body
from tests.fake_aws.errors import AwsError
from tests.fake_aws.queues import check_body
from tests.paths import ROOT

BODIES = corpus.bodies()


def test_it_has_400_bodies_of_every_kind_and_end() -> None:
    assert len(BODIES) >= 400
    assert len({(body.kind, body.name) for body in BODIES}) == len(BODIES)
    assert {body.outcome for body in BODIES} == {REVIEW, QUARANTINE, REFUSED}
    kinds = Counter(body.kind for body in BODIES)
    assert kinds.keys() >= {
        "envelope",
        "pointer",
        "map",
        "encoding",
        "number",
        "depth",
        "bidi",
        "csv",
    }


def test_no_two_reviews_of_it_share_a_token() -> None:
    tokens = Counter(
        messages.parse(
            body.text, message_map=messages.read_map(MAP) if body.is_mapped else messages.NO_MAP
        ).token.reveal()
        for body in BODIES
        if body.outcome == REVIEW
    )

    assert [token for token, times in tokens.items() if times > 1] == []


@pytest.mark.campaign
def test_another_process_makes_the_same_bodies() -> None:
    script = (
        "import hashlib; from tests.abuse import corpus; print(hashlib.sha256(repr(corpus.bodies())"
        ".encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert other.stdout.strip() == hashlib.sha256(repr(BODIES).encode()).hexdigest()


def ends(bodies: list[Body], queue: ReviewQueue) -> dict[str, tuple[str, str]]:
    """By name of the body: what becomes of a message with it, and the reason of the quarantine."""
    arrivals = {body.name: factories.received(body.text) for body in bodies if sqs_takes(body)}
    intake.accept(queue, arrivals.values())
    refused = dict(QuarantinedMessage.objects.values_list("sqs_message_id", "reason"))
    reviews = set(ReviewTask.objects.values_list("sqs_message_id", flat=True))
    found = {body.name: (REFUSED, "") for body in bodies}
    for name, arrival in arrivals.items():
        end = REVIEW if arrival.message_id in reviews else "nothing"
        reason = refused.get(arrival.message_id, "")
        found[name] = (QUARANTINE, reason) if reason else (end, "")
    return found


def sqs_takes(body: Body) -> bool:
    """Whether SQS takes a message with this body."""
    try:
        check_body(body.text)
    except AwsError:
        return False
    return True


@pytest.mark.django_db
@pytest.mark.parametrize("kind", sorted({body.kind for body in BODIES}))
def test_each_body_comes_to_its_end(kind: str, queue: ReviewQueue) -> None:
    bodies = [body for body in BODIES if body.kind == kind]
    found = ends([body for body in bodies if not body.is_mapped], queue)
    mapped = [body for body in bodies if body.is_mapped]
    if mapped:
        found |= ends(mapped, factories.queue("mapped", message_map=MAP))

    for body in bodies:
        end, reason = found[body.name]
        assert end == body.outcome, (body.name, reason)
        assert body.reason in ("", reason), body.name
    bugs = QuarantinedMessage.objects.filter(reason__in=["parser_failed", "not_storable"])
    assert not bugs.exists()
