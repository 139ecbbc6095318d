"""Intake where the database goes away, dead letters, and what is held of messages that are stored."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence

import pytest
from django.db import OperationalError, connection

from approvals.actions import intake
from approvals.models import QuarantinedMessage, ReviewQueue, ReviewTask
from approvals.records.received_messages import Readable, Received
from tests import factories
from tests.factories import message, received

pytestmark = pytest.mark.django_db
ORDERS = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
OTHERS = "arn:aws:states:us-east-1:123456789012:stateMachine:others"
GOES_AWAY = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('tries') <= {refused} THEN
            RAISE EXCEPTION 'this row is refused' USING ERRCODE = 'check_violation';
        END IF;
        RAISE EXCEPTION 'the server shuts down' USING ERRCODE = 'admin_shutdown';
    END $$;
    CREATE TRIGGER goes_away BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION go_away()
"""


@pytest.mark.parametrize("refused", [0, 1], ids=["at once", "after it has refused the batch"])
@pytest.mark.parametrize(
    ("table", "body"),
    [("approvals_reviewtask", None), ("approvals_quarantinedmessage", "{broken")],
    ids=["a review", "a quarantined message"],
)
def test_a_database_that_goes_away_leaves_the_message_in_sqs(
    table: str, body: str | None, refused: int, queue: ReviewQueue
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GOES_AWAY.format(table=table, refused=refused))

    with pytest.raises(OperationalError, match="shuts down"):
        intake.accept(queue, [received(body)])

    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM tries")
        assert cursor.fetchone() == (refused + 1,), "nothing is asked of it once it is away"
    assert not ReviewTask.objects.exists()
    assert not QuarantinedMessage.objects.exists()


def test_a_dead_letter_is_kept_with_what_would_refuse_it_anyway(queue: ReviewQueue) -> None:
    queue = factories.queue(queue.slug, state_machine_arns=[ORDERS])
    letters = [received(stateMachineArn=named) for named in (ORDERS, OTHERS)]

    taken = intake.accept(queue, letters, origin=intake.Origin.DEAD_LETTERS)

    assert taken == intake.Taken(quarantined=2)
    explained = dict(QuarantinedMessage.objects.values_list("sqs_message_id", "explanation"))
    assert "replay makes it a review" in explained[letters[0].message_id]
    assert OTHERS in explained[letters[1].message_id]


def test_a_stored_message_is_held_no_more_while_the_next_is_read(queue: ReviewQueue) -> None:
    sent: set[str] = set()
    held: list[int] = []

    def arriving() -> Iterator[Received]:
        for _ in range(3):
            readable = [each for each in gc.get_objects() if type(each) is Readable]
            held.append(sum(each.received.message_id in sent for each in readable))
            arrival = received(input="x" * intake.MOST_HELD)
            sent.add(arrival.message_id)
            yield arrival

    assert intake.accept(queue, arriving()) == intake.Taken(reviews=3)
    assert held == [0, 0, 0]


@pytest.mark.parametrize(
    ("sizes", "stored_before"),
    [
        ((999_999, 1_000, 1_000_000, 999_999, 1_000), [0, 0, 2, 3, 3]),
        ((1_000_000, 1_000), [0, 1]),
        ((1_000, 1_000_000, 1_000), [0, 0, 2]),
    ],
)
def test_messages_are_stored_together_up_to_a_million_characters(
    sizes: Sequence[int], stored_before: list[int], queue: ReviewQueue
) -> None:
    stored: list[int] = []

    def of(characters: int) -> Received:
        empty = json.dumps(message(title=""))
        return received(
            empty.replace('"title": ""', f'"title": "{"x" * (characters - len(empty))}"')
        )

    def arriving() -> Iterator[Received]:
        for characters in sizes:
            stored.append(ReviewTask.objects.count())
            yield of(characters)

    assert intake.accept(queue, arriving()) == intake.Taken(reviews=len(sizes))
    assert stored == stored_before
