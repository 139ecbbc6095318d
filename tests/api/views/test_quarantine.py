"""Quarantine over HTTP: operators look, replay and discard; bodies never show a token."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from approvals.actions import intake, people
from approvals.actors import COMMAND_LINE
from approvals.messages import task_tokens
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask, User
from approvals.untrusted import display
from tests import canary, factories
from tests.callers import Caller, refused

pytestmark = pytest.mark.django_db

KEY = {"HTTP_IDEMPOTENCY_KEY": "once"}
MEMBERS = [
    *("id", "queue", "state", "origin", "reason", "explanation", "bytes", "sqs_message_id"),
    *("sent_at", "received_at", "replayed_at", "replayed_by", "replayed_as"),
    *("discarded_at", "discarded_by", "discard_reason"),
    *("replay_asked_at", "replay_refusal"),
]


@pytest.fixture
def operator(call: Callable[..., Caller], db: None) -> Caller:
    """A program of somebody who operates the service and has no role in any queue."""
    keeper = factories.user("operator@example.com")
    people.grant_site(keeper, "operator", by=COMMAND_LINE)
    return call(keeper)


def quarantined(queue: ReviewQueue, body: str | dict[str, Any]) -> QuarantinedMessage:
    """A message that intake put aside."""
    arrival = factories.received(body if isinstance(body, str) else json.dumps(body))
    intake.accept(queue, [arrival])
    return QuarantinedMessage.objects.get(sqs_message_id=arrival.message_id)


@pytest.fixture
def mended(queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch) -> QuarantinedMessage:
    """A message that could not be read when it came, and can be now."""
    with monkeypatch.context() as broken:
        broken.setattr(task_tokens, "MAX_TOKEN", 5)
        return quarantined(queue, factories.message(taskToken=canary.CANARY))


def test_the_list_shows_what_is_open_the_latest_first(operator: Caller, queue: ReviewQueue) -> None:
    rows = [quarantined(queue, text) for text in ("{", "[]", "{}")]

    first = operator.get("quarantine/", {"page_size": 2}).json()
    second = operator.get(first["next"]).json()

    shown = first["results"] + second["results"]
    assert [row["id"] for row in shown] == [str(row.pk) for row in reversed(rows)]
    assert list(shown[0]) == MEMBERS
    assert (shown[0]["state"], shown[0]["reason"], shown[0]["bytes"]) == ("open", "no_token", 2)


def test_the_list_is_narrowed_by_state_and_queue(
    operator: Caller, queue: ReviewQueue, mended: QuarantinedMessage
) -> None:
    other = quarantined(factories.queue("refunds"), "{")
    given_up = quarantined(queue, "[")
    operator.post(f"quarantine/{given_up.pk}/discard/", {"reason": "A test."})
    operator.post(f"quarantine/{mended.pk}/replay/")

    def found(**query: str) -> set[str]:
        return {row["id"] for row in operator.get("quarantine/", query).json()["results"]}

    assert found() == {str(other.pk)}
    assert found(state="discarded") == {str(given_up.pk)}
    assert found(state="replayed") == {str(mended.pk)}
    assert found(state="any", queue="manual-review") == {str(given_up.pk), str(mended.pk)}
    assert found(queue="nowhere") == set()
    refused(operator.get("quarantine/", {"state": "lost"}), 422, "invalid")


def test_a_body_is_shown_without_its_token(operator: Caller, queue: ReviewQueue) -> None:
    body = f'{{"taskToken": "short", "note": "{canary.CANARY}", "orderId": 7,'
    row = quarantined(queue, body)

    answers = [operator.get(f"quarantine/{row.pk}/"), operator.get("quarantine/")]

    shown = answers[0].json()
    assert shown["body"] == '{"taskToken": "[task token]", "note": "[task token]", "orderId": 7,'
    assert list(shown) == [*MEMBERS, "body", "body_is_cut", "body_url"]
    for answer in answers:
        canary.assert_no_canary(answer.content)
        assert b"short" not in answer.content


def test_a_body_whose_key_is_lost_is_null(
    operator: Caller, queue: ReviewQueue, settings: Settings
) -> None:
    row = quarantined(queue, "{")
    settings.TOKEN_KEYS = {"k9": bytes(range(32))}

    assert operator.get(f"quarantine/{row.pk}/").json()["body"] is None
    refused(operator.post(f"quarantine/{row.pk}/replay/"), 503, "key_missing")
    assert operator.post(f"quarantine/{row.pk}/discard/", {"reason": "Lost."}).status_code == 200


def test_a_replayed_message_becomes_a_review_once(
    operator: Caller, mended: QuarantinedMessage
) -> None:
    answer = operator.post(f"quarantine/{mended.pk}/replay/", **KEY)
    again = operator.post(f"quarantine/{mended.pk}/replay/", **KEY)

    shown = answer.json()
    assert (answer.status_code, shown["state"]) == (201, "replayed")
    assert shown["replayed_as"] == str(ReviewTask.objects.get().pk)
    assert shown["replayed_by"] == "operator@example.com"
    assert (again.status_code, again.content) == (201, answer.content)
    canary.assert_no_canary(answer.content)
    refused(operator.post(f"quarantine/{mended.pk}/replay/"), 409, "already_settled")
    refused(operator.get(f"reviews/{shown['replayed_as']}/"), 404, "not_found")


def test_what_still_cannot_be_read_stays_where_it_is(operator: Caller, queue: ReviewQueue) -> None:
    row = quarantined(queue, "{")

    refused(operator.post(f"quarantine/{row.pk}/replay/", **KEY), 422, "invalid")

    assert operator.get(f"quarantine/{row.pk}/").json()["state"] == "open"


def test_a_discarded_message_says_why_and_by_whom(operator: Caller, queue: ReviewQueue) -> None:
    path = f"quarantine/{quarantined(queue, '{').pk}/discard/"

    answer = operator.post(path, {"reason": "A test of theirs."}, **KEY)
    again = operator.post(path, {"reason": "A test of theirs."}, **KEY)

    shown = answer.json()
    assert (answer.status_code, shown["state"]) == (200, "discarded")
    assert (shown["discard_reason"], shown["discarded_by"]) == (
        "A test of theirs.",
        "operator@example.com",
    )
    assert (again.status_code, again.content) == (200, answer.content)
    refused(operator.post(path, {"reason": "Again."}), 409, "already_settled")


@pytest.mark.parametrize("reason", ["", " ", None, 7, "x" * 301, "a\0b"])
def test_a_discard_needs_a_reason(operator: Caller, queue: ReviewQueue, reason: Any) -> None:
    row = quarantined(queue, "{")

    answer = operator.post(f"quarantine/{row.pk}/discard/", {"reason": reason})

    assert refused(answer, 422, "invalid")["pointer"] == "/reason"


def test_auditors_look_operators_act_and_nobody_else_does_either(
    call: Callable[..., Caller], api: Caller, queue: ReviewQueue, lena: User
) -> None:
    row = quarantined(queue, "{")
    auditor = factories.user("audit@example.com")
    people.grant_site(auditor, "auditor", by=COMMAND_LINE)
    paths = ("quarantine/", f"quarantine/{row.pk}/", f"quarantine/{uuid.uuid4()}/")
    discard = f"quarantine/{row.pk}/discard/"

    assert [call(auditor).get(path).status_code for path in paths] == [200, 200, 404]
    for caller in (call(auditor), api, call(lena)):
        refused(caller.post(discard, {"reason": "x"}), 403, "not_allowed")
        refused(caller.post(f"quarantine/{uuid.uuid4()}/replay/"), 403, "not_allowed")
    for caller in (api, call(lena)):
        for path in paths:
            refused(caller.get(path), 403, "not_allowed")


def test_a_token_with_scopes_reads_and_does_not_act(
    call: Callable[..., Caller], db: None, queue: ReviewQueue
) -> None:
    keeper = factories.user("operator@example.com")
    people.grant_site(keeper, "operator", by=COMMAND_LINE)
    row = quarantined(queue, "{")

    narrow = call(keeper, "read", "decide", "orders")

    assert narrow.get("quarantine/").status_code == 200
    answer = narrow.post(f"quarantine/{row.pk}/discard/", {"reason": "x"})
    refused(answer, 403, "not_allowed")


def test_what_is_not_there_is_404_for_operators(operator: Caller) -> None:
    for verb, body in (("replay", {}), ("discard", {"reason": "x"})):
        refused(operator.post(f"quarantine/{uuid.uuid4()}/{verb}/", body), 404, "not_found")


def test_a_large_body_is_cut_and_its_whole_is_linked(operator: Caller, queue: ReviewQueue) -> None:
    deep: Any = [0] * 150_000
    for _ in range(58):
        deep = [deep]
    body = {"taskToken": canary.CANARY, "schemaVersion": "9", "deep": deep}
    row = quarantined(queue, body)

    answer = operator.get(f"quarantine/{row.pk}/")
    shown = answer.json()
    whole = operator.get(shown["body_url"])

    assert (len(shown["body"]), shown["body_is_cut"]) == (display.MAX_SHOWN, True)
    assert len(answer.content) < 2 * display.MAX_SHOWN
    assert whole.status_code == 200
    assert len(whole.content) < 2 * len(json.dumps(body))
    assert json.loads(whole.json()["body"]) == {**body, "taskToken": "[task token]"}
    canary.assert_no_canary(whole.content)


def test_a_short_body_is_whole_and_its_link_leads_to_the_same(
    operator: Caller, api: Caller, queue: ReviewQueue
) -> None:
    row = quarantined(queue, '{"orderId": 7,')

    shown = operator.get(f"quarantine/{row.pk}/").json()

    assert (shown["body"], shown["body_is_cut"]) == ('{"orderId": 7,', False)
    assert operator.get(shown["body_url"]).json() == {"id": str(row.pk), "body": shown["body"]}
    refused(api.get(shown["body_url"]), 403, "not_allowed")
    refused(operator.get(f"quarantine/{uuid.uuid4()}/body/"), 404, "not_found")
