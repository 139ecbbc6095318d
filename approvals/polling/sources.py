"""The SQS queues that a poller reads for a review queue: its own, or its dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from approvals import arns
from approvals.arns import Place
from approvals.exceptions import Unavailable
from approvals.gateways import sqs
from approvals.models import QuarantinedMessage, ReviewQueue
from approvals.records import places

Origin = QuarantinedMessage.Origin


class NoDeadLetterQueue(Unavailable):
    """The queue has no RedrivePolicy, so SQS never moves a message of it to dead letters."""


@dataclass(frozen=True)
class Source:
    """A queue to receive from and delete in; `only_from`: the ARN of the queue whose dead letters are taken."""

    place: Place
    url: str
    origin: Origin = Origin.QUEUE
    only_from: str = ""

    def ours(self, batch: Iterable[sqs.Message]) -> list[sqs.Message]:
        """The messages of a batch that may be taken: a dead-letter queue may serve other queues too."""
        return [m for m in batch if not self.only_from or m.source_arn in ("", self.only_from)]


@dataclass(frozen=True)
class Redrive:
    """A queue's RedrivePolicy: where its dead letters go, and after how many receives."""

    arn: str
    max_receives: int


def messages_of(queue: ReviewQueue) -> Source:
    """The queue itself."""
    return Source(places.of_queue(queue), queue.sqs_url)


def dead_letters_of(queue: ReviewQueue) -> Source:
    """The dead-letter queue that the queue's RedrivePolicy names, read from AWS each time.

    Raises NoDeadLetterQueue if there is none, and Unavailable if it cannot be found.
    """
    place = places.of_queue(queue)
    found = sqs.attributes(place, queue.sqs_url)
    policy = redrive(found)
    if policy is None:
        raise NoDeadLetterQueue(
            f"Queue {queue.slug} has no dead-letter queue: set its RedrivePolicy."
        )
    return replace(locate(place, policy), only_from=found.get("QueueArn", ""))


def redrive(attributes: Mapping[str, str]) -> Redrive | None:
    """The RedrivePolicy among a queue's attributes; None if it has none that can be read."""
    try:
        policy: Any = json.loads(attributes.get("RedrivePolicy", ""))
        return Redrive(str(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"]))
    except (ValueError, KeyError, TypeError):
        return None


def locate(place: Place, policy: Redrive) -> Source:
    """The dead-letter queue of a policy, in the region of its ARN. Raises Unavailable."""
    queue = arns.sqs_queue(policy.arn)
    if queue is None:
        raise Unavailable(f"The RedrivePolicy names no SQS queue: {policy.arn[:200]!r}.")
    there = replace(place, region=queue.region)
    try:
        url = sqs.url_of(there, queue)
    except Unavailable as error:
        code = error.extra.get("aws_code", "")
        raise Unavailable(
            f"The dead-letter queue {policy.arn} cannot be found ({code}): it is gone, or the poller"
            " needs sqs:GetQueueUrl there (in another account, from that queue's policy too).",
            aws_code=code,
        ) from error
    return Source(there, url, Origin.DEAD_LETTERS)
