"""What cannot be sent again: the refused start of a batch execution, whose orders go on alone."""

from __future__ import annotations

import pytest

from approvals.actions import people, redelivery
from approvals.actors import COMMAND_LINE
from approvals.delivery import lanes
from approvals.exceptions import Invalid
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, User
from tests.factories import actor
from tests.order_batches import accepted, order, read
from tests.starts import Starts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]


def test_what_was_refused_to_be_carried_is_not_sent_again(starts: Starts, alice: User) -> None:
    people.grant_site(alice, "operator", by=COMMAND_LINE)
    read(accepted([order(1)], "batches"))
    starts.answers = [Answer(Proof.REFUSED, "InvalidExecutionInput")]
    lanes.drain("executions")

    with pytest.raises(Invalid, match="an execution of its own"):
        redelivery.requeue(OutboxEntry.objects.get().pk, by=actor(alice, "admin"))
