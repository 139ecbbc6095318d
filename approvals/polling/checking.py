"""Checks how a queue is set up in AWS: findings in plain sentences, each with what to do about it.

Only GetQueueAttributes is called. The rules and numbers come from the Amazon SQS Developer Guide
(dead-letter queues, quotas), from SetQueueAttributes in its API reference, and from Step Functions'
quotas of SendTaskHeartbeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

import structlog
from django.db.models.functions import Now

from approvals import arns
from approvals.exceptions import DATABASE_AWAY, Unavailable
from approvals.gateways import sqs
from approvals.models import ConnectionCheck, QueueCheck, ReviewQueue, ReviewTask
from approvals.polling import sources
from approvals.records import service_quotas

log = structlog.get_logger(__name__)

LONGEST_RETENTION = 1_209_600  # seconds: 14 days, the most SQS keeps a message
FEWEST_RECEIVES = 5  # below, a short outage of the database moves good messages away
SHORTEST_VISIBILITY = 30  # seconds: a batch is stored and deleted well within them
LONGEST_VISIBILITY = 900  # seconds that a crash of the poller may cost a review
_REGION_OF_URL = re.compile(r"\b([a-z]{2}(?:-[a-z]+)+-\d+)\b")


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"  # nothing to do
    WARNING = "warning"  # it works; a change is advised
    PROBLEM = "problem"  # it does not work, or will not for long


@dataclass(frozen=True)
class Finding:
    """One finding: how much it matters, and a sentence on what it is and what to do about it."""

    level: Level
    what: str


def check(queue: ReviewQueue) -> list[Finding]:
    """Ask AWS how a queue and its dead-letter queue are set up. A refusal by AWS is a finding, too."""
    findings = list(_registration(queue))
    try:
        found = sqs.attributes(sources.messages_of(queue).place, queue.sqs_url)
    except Unavailable as error:
        return [*findings, _unreachable(error, queue.sqs_url)]
    arn = found.get("QueueArn", queue.sqs_url)
    findings.append(
        _ok(
            f"{arn} answers. Not tried, because each would change something: sqs:ReceiveMessage,"
            " sqs:DeleteMessage, states:SendTaskSuccess, states:SendTaskFailure;"
            f" `poll_queue --queue {queue.slug} --once --max-messages 1` tries the first two."
        )
    )
    findings += _place(queue, arn)
    findings += _kind(found)
    findings += _times(queue, found)
    findings += _encryption(found)
    findings += _dead_letters(queue, found)
    return findings


def check_and_store(queue_id: UUID) -> None:
    """Check a queue and store the findings on its QueueCheck, for pages. Raises DoesNotExist."""
    queue = ReviewQueue.objects.get(pk=queue_id)
    QueueCheck.objects.update_or_create(
        queue=queue, defaults={"checked_at": Now(), "findings": _findings(queue)}
    )


def check_unsaved(check_id: UUID) -> None:
    """Check the settings of a ConnectionCheck, and store the findings on it; one that is gone is left out."""
    row = ConnectionCheck.objects.filter(pk=check_id, checked_at=None).first()
    if row is None:
        return
    findings = _findings(ReviewQueue(**row.settings))
    same = ConnectionCheck.objects.filter(pk=check_id, asked_at=row.asked_at)  # not a newer one
    same.update(checked_at=Now(), findings=findings)


def _findings(queue: ReviewQueue) -> list[dict[str, str]]:
    """The findings as they are stored; a check that fails is a finding, too."""
    try:
        found = check(queue)
    except DATABASE_AWAY:
        raise
    except Exception as error:
        log.exception("check.failed", queue=queue.slug)
        found = [
            _problem(
                f"The check itself failed ({type(error).__name__}); the log has the traceback."
            )
        ]
    return [asdict(finding) for finding in found]


def _registration(queue: ReviewQueue) -> Iterator[Finding]:
    """Findings that need no call of AWS."""
    named = _REGION_OF_URL.search(queue.sqs_url)
    if named and named[1] != queue.region:
        yield _problem(
            f"The URL names the region {named[1]}, but the queue is registered in {queue.region}:"
            " run register_queue with the --region of the URL."
        )
    if queue.role_arn and not queue.state_machine_arns:
        yield _warning(
            "A role is assumed, but no state machine is listed: any sender to the queue can"
            " name any state machine. List those it serves with register_queue --state-machine ARN."
        )
    if queue.heartbeat_seconds:
        yield from _heartbeat(queue, queue.heartbeat_seconds)


def _heartbeat(queue: ReviewQueue, seconds: int) -> Iterator[Finding]:
    """Whether SendTaskHeartbeat's quota, which is per account and region, keeps the open reviews alive."""
    rate, most = (
        service_quotas.beats_a_second(queue.region),
        service_quotas.tokens_kept_alive(queue.region, seconds),
    )
    waiting = ReviewTask.objects.filter(queue=queue).pending().count()
    sentence = (
        f"With a heartbeat of {seconds} s, {most:,} open reviews can be kept alive: one call each"
        f" {service_quotas.beat_interval(seconds):.0f} s, {rate:.0f} calls a second in {queue.region}, which is"
        f" half of AWS's quota and shared by all queues there. {waiting:,} are open in this one."
    )
    if waiting > most:
        yield _problem(f"{sentence} Ask AWS for a higher quota, or lengthen HeartbeatSeconds.")
    else:
        yield _ok(sentence)
    if seconds >= queue.timeout_seconds:
        yield _warning(
            f"The heartbeat of {seconds} s is not below the review timeout of"
            f" {queue.timeout_seconds} s: Step Functions wants HeartbeatSeconds below TimeoutSeconds."
        )


def _place(queue: ReviewQueue, arn: str) -> Iterator[Finding]:
    named = arns.sqs_queue(arn)
    if named and named.region != queue.region:
        yield _problem(
            f"The queue lies in {named.region}, but is registered in {queue.region}:"
            f" run register_queue with --region {named.region}."
        )


def _kind(found: Mapping[str, str]) -> Iterator[Finding]:
    if found.get("FifoQueue") != "true":
        yield _ok("A standard queue.")
        return
    yield _ok("A FIFO queue: it is read in the order of its message groups.")
    if found.get("ContentBasedDeduplication") != "true":
        yield _warning(
            "The FIFO queue does not deduplicate by content: a state that names an order id as"
            " MessageDeduplicationId loses the message of a retry within 5 minutes, and its token"
            " with it. Turn ContentBasedDeduplication on, or let the id contain $$.State.RetryCount."
        )


def _times(queue: ReviewQueue, found: Mapping[str, str]) -> Iterator[Finding]:
    kept, hidden = _number(found, "MessageRetentionPeriod"), _number(found, "VisibilityTimeout")
    if kept < min(queue.timeout_seconds, LONGEST_RETENTION):
        yield _warning(
            f"Messages are kept for {_span(kept)}, but reviews wait for"
            f" {_span(queue.timeout_seconds)}: what is not taken in by then is gone while its"
            " execution still waits. Raise MessageRetentionPeriod."
        )
    else:
        yield _ok(f"Messages are kept for {_span(kept)}.")
    if not SHORTEST_VISIBILITY <= hidden <= LONGEST_VISIBILITY:
        why = (
            "a batch may come again while it is stored, and each time counts as a receive"
            if hidden < SHORTEST_VISIBILITY
            else "that long a review waits after a crash of the poller"
        )
        yield _warning(
            f"The visibility timeout is {_span(hidden)}: {why}. Set VisibilityTimeout between"
            f" {SHORTEST_VISIBILITY} and {LONGEST_VISIBILITY} s; 60 s will do."
        )
    else:
        yield _ok(f"The visibility timeout is {_span(hidden)}.")


def _encryption(found: Mapping[str, str]) -> Iterator[Finding]:
    if key := found.get("KmsMasterKeyId"):
        yield _ok(
            f"Encrypted with the KMS key {key}: the poller needs kms:Decrypt on it, and the state"
            " machine's role kms:GenerateDataKey and kms:Decrypt."
        )
    elif found.get("SqsManagedSseEnabled") == "false":
        yield _warning(
            "Not encrypted at rest, though its messages hold task tokens: turn"
            " SqsManagedSseEnabled on, or name a KMS key."
        )
    else:
        yield _ok("Encrypted with a key of SQS.")


def _dead_letters(queue: ReviewQueue, found: Mapping[str, str]) -> Iterator[Finding]:
    policy = sources.redrive(found)
    if policy is None:
        yield _warning(
            "No dead-letter queue: what the poller receives and cannot store comes back until it"
            f" expires. Set a RedrivePolicy with a maxReceiveCount of {FEWEST_RECEIVES} or more."
        )
        return
    if policy.max_receives < FEWEST_RECEIVES:
        yield _warning(
            f"maxReceiveCount is {policy.max_receives}: a short outage of the database moves good"
            f" messages to the dead letters. Set {FEWEST_RECEIVES} or more; AWS's own is 10."
        )
    try:
        dead = sources.locate(sources.messages_of(queue).place, policy)
    except Unavailable as error:
        yield _problem(error.message)
        return
    try:
        of_dead = sqs.attributes(dead.place, dead.url)
    except Unavailable as error:
        yield _unreachable(error, policy.arn)
        return
    yield _ok(f"Dead letters after {policy.max_receives} receives: {policy.arn}.")
    yield from _kept_dead(found, of_dead)


def _kept_dead(found: Mapping[str, str], of_dead: Mapping[str, str]) -> Iterator[Finding]:
    """Whether dead letters are kept long enough: in a standard queue their days count from when they were sent."""
    kept, dead = (
        _number(found, "MessageRetentionPeriod"),
        _number(of_dead, "MessageRetentionPeriod"),
    )
    if found.get("FifoQueue") != "true" and dead <= kept and dead < LONGEST_RETENTION:
        yield _warning(
            f"Dead letters are kept for {_span(dead)} from when they were sent, not longer than"
            f" messages ({_span(kept)}): some are gone at once. Set 14 days on the dead-letter queue."
        )
    waiting = _number(of_dead, "ApproximateNumberOfMessages")
    if waiting:
        yield _warning(
            f"About {waiting} dead letters wait: `poll_queue --dead-letters --once` takes them"
            " into quarantine."
        )


def _unreachable(error: Unavailable, queue: str) -> Finding:
    """AWS's refusal, and the right or the fact that explains it."""
    code = str(error.extra.get("aws_code", ""))
    if code.startswith("AssumeRole"):
        return _problem(
            f"{error.message}. The role's trust policy must name the poller's own role."
        )
    if "AccessDenied" in code:
        return _problem(f"{error.message}. Grant sqs:GetQueueAttributes on {queue}.")
    if "NonExistentQueue" in code or "DoesNotExist" in code:
        return _problem(
            f"{error.message}. No such queue there: look at its URL, region and account."
        )
    return _problem(f"{error.message}.")


def _number(found: Mapping[str, str], name: str) -> int:
    value = found.get(name, "")
    return int(value) if value.isdecimal() else 0


def _span(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def _warning(what: str) -> Finding:
    return Finding(Level.WARNING, what)


def _problem(what: str) -> Finding:
    return Finding(Level.PROBLEM, what)
