"""Every verb is one transaction: it refuses to be a part of another one, with which it could be rolled back."""

from __future__ import annotations

import pytest

from tests.faults.verbs import public_verbs
from tests.nesting import runs_inside_another_transaction

pytestmark = pytest.mark.django_db

WITHOUT_ONE_OF_ITS_OWN = {
    "batch_executions.note_progress": "one statement",
    "batches.give_back": "one statement",
    "batches.renew": "one statement",
    "batches.note_problem": "one statement",
    "escalation.destination": "a query",
    "postponement.latest": "a query",
    "bulk_decisions.give_back": "one statement",
    "bulk_decisions.record": "one statement",
    "bulk_decisions.renew": "a statement, and a look at what it has changed",
    "bulk_decisions.take": "a statement, and a look at what it has changed",
    "bulk_decisions.undoable": "a query",
    "decisions.refusal": "asks nothing",
    "batches.take": "a statement, and a look at what it has changed",
    "intake.accept": "one for all its messages or, if the database refuses that, one for each",
}


def test_every_verb_refuses_to_run_inside_another_transaction() -> None:
    nested = {
        name for name, verb in public_verbs().items() if runs_inside_another_transaction(verb)
    }

    assert nested == set(WITHOUT_ONE_OF_ITS_OWN)
