"""Sabotage: take one safeguard away, and see that a campaign goes red and names the invariant.

Each patch lives in a child alone. A sabotage that stays green is a failure of the harness; so is the
same small campaign going red with nothing taken away.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

from botocore.config import Config
from django.db import connection, transaction

from approvals.actions import intake, interventions
from approvals.delivery import callbacks
from approvals.gateways import aws, errors, sqs
from approvals.gateways.errors import Proof
from approvals.models import AuditEvent
from approvals.reconciliation import callback_evidence
from approvals.reconciliation.callback_evidence import Evidence, Fate
from approvals.records import (
    audit,
    bulk_jobs,
    erasable_values,
    failing_rows,
    locked_rows,
    outbox,
    wake_ups,
)
from approvals.records.audit import ChainEnd
from approvals.records.audit_kinds import AuditKind
from approvals.records.unit_of_work import UnitOfWork
from tests.faults import bulk, deliveries, failing, races, restarts, sweeper
from tests.faults.report import Result
from tests.faults.stage import Stage, apart_together, opened
from tests.faults.truth import Breach

SMALL = 0.03
WORKERS = 3  # at a time: mostly they wait, for timeouts and for pauses
Campaign = Callable[[Stage], Result]
Patch = Callable[[], None]


def _patch(owner: Any, name: str, value: Any) -> None:
    """For good: the process ends with the campaign."""
    mock.patch.object(owner, name, value).start()


def nothing() -> None:
    """The control: every safeguard in place."""


def no_unique_index() -> None:
    """Two reviews may have the same token."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'approvals_reviewtask'::regclass"
            " AND contype = 'u' AND pg_get_constraintdef(oid) LIKE '%token_fingerprint%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE approvals_reviewtask DROP CONSTRAINT "{name}"')


def delete_before_commit() -> None:
    """SQS forgets a batch before the database knows it."""
    receive, accept = sqs.receive, intake.accept
    batches: list[tuple[Any, str, Any]] = []

    def remember(place: Any, url: str, **options: Any) -> Any:
        batch = receive(place, url, **options)
        batches.append((place, url, batch))
        return batch

    def delete_first(*arguments: Any, **options: Any) -> Any:
        sqs.delete(*batches.pop())
        return accept(*arguments, **options)

    _patch(sqs, "receive", remember)
    _patch(intake, "accept", delete_first)


def no_row_lock() -> None:
    """Verbs read the review without locking it."""
    lock = vars(locked_rows)["_LOCK_REVIEW"]
    _patch(locked_rows, "_LOCK_REVIEW", lock.replace(" FOR UPDATE", ""))


def sdk_retries() -> None:
    """boto3 sends a call again by itself when its answer is lost."""

    def eager(**options: Any) -> Config:
        several = {"total_max_attempts": 3, "mode": "standard"}
        return sweeper.impatient(**{**options, "retries": several})

    _patch(aws, "Config", eager)
    aws.forget()


def no_fencing() -> None:
    """A sender whose lease ran out still changes the entry."""
    _patch(outbox, "still_ours", lambda _entry, _taken: True)


def timed_out_is_delivered() -> None:
    """A closed token is taken as proof of delivery."""
    _patch(errors, "PROOF_OF_CODE", errors.PROOF_OF_CODE | {"TaskTimedOut": Proof.ACCEPTED})


def audit_afterwards() -> None:
    """The audit event is written after the decision's transaction, in another one."""
    record = audit.record

    def later(_: UnitOfWork, end: ChainEnd, kind: AuditKind, **what: Any) -> None:
        def write() -> None:
            work = UnitOfWork()
            record(work, end, kind, **what)
            work.write()

        transaction.on_commit(write)

    _patch(audit, "record", later)


def other_salts() -> None:
    """An event is stored with other salts than its hash was made with."""
    digest_of = audit.digest_of

    def then_others(event: AuditEvent) -> bytes:
        digest = digest_of(event)
        event.salts = erasable_values.new_salts(event, event.data)
        return digest

    _patch(audit, "digest_of", then_others)


def early_wake_up() -> None:
    """The wake-up is sent before its row is committed."""

    def send(name: str, row: UUID, **about: str) -> None:
        with contextlib.suppress(
            Exception
        ):  # as the thread that sends it: a lost one raises nothing
            wake_ups._send((name, str(row), about))

    _patch(wake_ups, "after_commit", send)


def no_history() -> None:
    """After a lost answer, a closed token is called expired without looking."""
    _patch(callback_evidence, "ask", lambda *_: Evidence(Fate.EXPIRED))


def unconditional_undo() -> None:
    """Undo cancels the outbox row, whatever has become of it."""
    _patch(outbox, "CANCELLABLE", {})


def call_in_transaction() -> None:
    """The call of AWS is made inside a database transaction."""
    call = callbacks._call

    def held(*arguments: Any) -> Any:
        with transaction.atomic():
            return call(*arguments)

    _patch(callbacks, "_call", held)


def redrives_uncounted() -> None:
    """How often an execution was redriven before is not noted; the client token alone must do."""
    _patch(interventions, "note_redrives", lambda _hand, _count: 10**6)


def rows_together() -> None:
    """A periodic task ends with the first row on which it fails."""
    _patch(failing_rows, "attempt", lambda _task, key, work: work(key))


def no_keys_of_items() -> None:
    """The reviews of a bulk decision have no key that stays the same."""
    of = bulk_jobs.key_of
    _patch(bulk_jobs, "key_of", lambda item: replace(of(item), key=str(uuid4())))


def _faulty_calls(stage: Stage) -> Result:
    if vars(aws)["Config"] is Config:  # no sabotage of it
        _patch(aws, "Config", sweeper.impatient)
    aws.forget()
    return deliveries.bad_network(stage, 14, deliveries.by_ourselves)


def _decided(stage: Stage) -> Result:
    return races.by_verbs(stage, 6)


def _arrivals(stage: Stage) -> Result:
    return races.two_pollers(stage, 8)


@dataclass(frozen=True)
class Sabotage:
    """A patch, the campaign that must notice, and the invariants of which one must be named."""

    name: str
    patch: Patch
    campaign: Campaign
    caught_by: frozenset[str]


def _sabotage(name: str, patch: Patch, campaign: Campaign, *caught_by: str) -> Sabotage:
    return Sabotage(name, patch, campaign, frozenset(caught_by))


def _small(campaign: Callable[[Stage, float], Result]) -> Campaign:
    return lambda stage: campaign(stage, SMALL)


LATE, UNDO, WAKE_UPS = map(
    _small, (deliveries.late_senders, deliveries.undo_races, deliveries.send_wake_ups)
)
BULK = _small(bulk.campaign)
RESTARTS = _small(restarts.campaign)
SABOTAGES: Sequence[Sabotage] = (
    _sabotage("drop the unique index", no_unique_index, _arrivals, "I-3"),
    _sabotage("delete before commit", delete_before_commit, _arrivals, "I-2"),
    _sabotage("skip the row lock", no_row_lock, _decided, "I-5"),
    _sabotage("SDK retries on", sdk_retries, _faulty_calls, "I-10"),
    _sabotage("redrives not counted", redrives_uncounted, RESTARTS, "I-15"),
    _sabotage("no fencing", no_fencing, LATE, "I-12"),
    _sabotage("TaskTimedOut is delivered", timed_out_is_delivered, _faulty_calls, "I-9"),
    _sabotage("audit outside the transaction", audit_afterwards, _decided, "I-6"),
    _sabotage("other salts than hashed", other_salts, _decided, "I-17"),
    _sabotage("wake-up before commit", early_wake_up, WAKE_UPS, "I-6"),
    _sabotage("history not asked", no_history, _faulty_calls, "I-9"),
    _sabotage("call inside a transaction", call_in_transaction, LATE, "I-13"),
    _sabotage("periodic rows not apart", rows_together, failing.one_row, "I-11"),
    _sabotage("undo without compare-and-set", unconditional_undo, UNDO, "I-14"),
    _sabotage("bulk decision without keys", no_keys_of_items, BULK, "I-18"),
)
CONTROLS: Sequence[Sabotage] = tuple(
    _sabotage(f"control: {name}", nothing, campaign)
    for name, campaign in (
        ("arrivals", _arrivals),
        ("decisions", _decided),
        ("faulty calls", _faulty_calls),
        ("late senders", LATE),
        ("undo", UNDO),
        ("hints", WAKE_UPS),
        ("restarts", RESTARTS),
        ("failing rows", failing.one_row),
        ("bulk", BULK),
    )
)


def campaign(seed: int, folder: Path, only: list[str] | None = None) -> Result:
    """Every sabotage must be caught by its invariant, every control must stay green."""
    chosen = [one for one in (*CONTROLS, *SABOTAGES) if not only or one.name in only]
    result = Result("sabotage", planned=len(chosen))
    tried = [partial(_tried, one, seed, folder) for one in chosen]
    for one, found in zip(chosen, apart_together(tried, workers=WORKERS), strict=True):
        named = sorted({breach.invariant for breach in found})
        caught = bool(one.caught_by & set(named)) if one.caught_by else not found
        result.fired += caught
        wanted = " or ".join(sorted(one.caught_by)) or "green"
        by = next((b for b in found if b.invariant in one.caught_by), None)
        result.notes[one.name] = f"{by.invariant}: {by.what}" if by else ", ".join(named) or "green"
        if not caught:
            what = f"{one.name}: wanted {wanted}, got {result.notes[one.name]}"
            result.breaches.append(Breach("harness", what))
            result.breaches += [replace(breach, counts_as="") for breach in found[:5]]
    return result


def _tried(one: Sabotage, seed: int, folder: Path) -> list[Breach]:
    with opened("sabotage", seed, folder) as stage:
        one.patch()
        try:
            return one.campaign(stage).breaches
        except Exception as error:  # noqa: BLE001  (a campaign that breaks off has noticed something)
            return [Breach("harness", f"{one.name}: {type(error).__name__}: {error}")]
