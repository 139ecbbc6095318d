"""Changes after which the service does the same, so that no test can notice them, each with its reason.

A row holds for every module that it fits: a shell pattern for the module, the operator's name up to its
underscore, and the source line without indentation. Rows that fit nothing any more fail a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

from tests.mutants.mutations import Mutation


@dataclass(frozen=True)
class Row:
    """Known equivalent changes of a line, and why they are."""

    module: str
    operator: str
    source: str
    why: str

    def fits(self, mutation: Mutation) -> bool:
        """Whether the mutation is one of these."""
        return (
            fnmatch(mutation.module, self.module)
            and fnmatch(mutation.operator, self.operator)
            and mutation.source == self.source
        )


ROWS = (
    Row("*", "ReplaceTrueWithFalse", "@dataclass(frozen=True)", "nothing assigns to its fields"),
    Row(
        "*",
        "ReplaceTrueWithFalse",
        "@dataclass(frozen=True, kw_only=True)",
        "nothing assigns to its fields, and they are given by name",
    ),
    Row(
        "approvals.actions.credentials",
        "ReplaceComparisonOperator_Eq_LtE",
        "if by.surface == Surface.ADMIN and user.kind == User.Kind.PERSON and user != by.user:",
        "of the surfaces admin and of the kinds person comes first in the alphabet",
    ),
    Row(
        "approvals.actions.bulk_decisions",
        "RemoveCondition",
        "kind=OutboxEntry.Kind.CALLBACK,",
        "the id of a decision is the subject of its callback alone; the index begins with the kind",
    ),
    *(
        Row(
            "approvals.actions.bulk_decisions",
            "ReplaceComparisonOperator_Eq_GtE",
            source,
            "undoing is the last of the three statuses in the alphabet",
        )
        for source in (
            "if job.status == Status.UNDOING:",
            "left = TO_UNDO if job.status == Status.UNDOING else TO_DECIDE",
        )
    ),
    Row(
        "approvals.actions.bulk_decisions",
        "ReplaceComparisonOperator_Eq_LtE",
        "if job.status == Status.FINISHED or job.lease_epoch != turn.epoch:",
        "finished is the first of the three statuses in the alphabet",
    ),
    Row(
        "approvals.actions.bulk_decisions",
        "ReplaceComparisonOperator_NotEq_Gt",
        "if job.status == Status.FINISHED or job.lease_epoch != turn.epoch:",
        "an epoch only grows, and a turn has one that was",
    ),
    Row(
        "approvals.actions.decisions",
        "ReplaceComparisonOperator_Eq_GtE",
        "if review.status == ReviewTask.Status.UNPROVED:",
        "unproved is the last status in the alphabet",
    ),
    Row(
        "approvals.actions.decisions",
        "ReplaceComparisonOperator_NotEq_Gt",
        "if outcome != Outcome.APPROVED:",
        "there is one other outcome, rejected, which comes after approved in the alphabet",
    ),
    Row(
        "approvals.actions.intake",
        "ReplaceComparisonOperator_Eq_LtE",
        "if origin == Origin.DEAD_LETTERS:",
        "there is one other origin, queue, which comes after dead_letters in the alphabet",
    ),
    Row(
        "approvals.actions.interventions",
        "ReplaceComparisonOperator_Eq_LtE",
        "never_sent = order.status == OrderExecution.Status.PENDING and order.carried_by_id is None",
        "of the two statuses under way, running comes after pending in the alphabet",
    ),
    Row(
        "approvals.actions.lifecycle",
        "ReplaceComparisonOperator_NotEq_Lt",
        "if review.status != Status.UNPROVED:",
        "unproved is the last status in the alphabet",
    ),
    Row(
        "approvals.actions.decisions",
        "ReplaceComparisonOperator_NotEq_Lt",
        "or review.deadline_source != ReviewTask.DeadlineSource.MESSAGE",
        "there is one other source, default, which comes before message in the alphabet",
    ),
    *(
        Row(
            "approvals.actions.orders",
            "ReplaceComparisonOperator_Is_Eq",
            source,
            "rows are equal by their ids, and no stored row has the id of the new one",
        )
        for source in (
            "idempotency.fill(key, row.pk, status=None if row is new else 200)",
            "return row, row is new",
        )
    ),
    Row(
        "approvals.actions.interventions",
        "ReplaceFalseWithTrue",
        "payload = json.dumps(call, ensure_ascii=False).encode()",
        "the same JSON, which is only parsed again",
    ),
    Row(
        "approvals.actions.saved_views",
        "ReplaceComparisonOperator_Is_Eq",
        "if listing is Listing.REVIEWS:",
        "no other member of the enumeration equals this one",
    ),
    Row(
        "approvals.actions.saved_views",
        "ReplaceComparisonOperator_Is_GtE",
        "if listing is Listing.REVIEWS:",
        "reviews comes last in the alphabet of the lists",
    ),
    Row(
        "approvals.delivery.callbacks",
        "ReplaceComparisonOperator_Eq_LtE",
        "if answer.proof == Proof.ACCESS_DENIED:",
        "of the proofs only accepted comes before it in the alphabet, and that one is judged elsewhere",
    ),
    Row(
        "approvals.messages.envelopes",
        "ReplaceComparisonOperator_Is_Eq",
        "if inner is NO_ENVELOPE:",
        "it is an object that equals itself alone",
    ),
    Row(
        "approvals.messages.envelopes",
        "ReplaceComparisonOperator_Eq_LtE",
        'if error.reason == "not_json":',
        "reading has one other reason, too_large, which comes after it in the alphabet",
    ),
    Row(
        "approvals.messages.token_places",
        "ReplaceComparisonOperator_Eq_GtE",
        'return step if json_paths.parse(f"${step}") == (key,) and key.isprintable() else ""',
        "what is read of the step is the key or its beginning, which sorts before it",
    ),
    Row(
        "approvals.policy",
        "RemoveCondition",
        "seeing = QueueMembership.objects.filter(role__in=ROLES_THAT[Action.SEE])",
        "every role may see its queue",
    ),
    Row(
        "approvals.policy",
        "ReplaceComparisonOperator_Eq_LtE",
        "return user.is_active and user.kind == User.Kind.PERSON",
        "the only other kind comes after it in the alphabet",
    ),
    Row(
        "approvals.policy",
        "ReplaceComparisonOperator_Eq_LtE",
        'return self.code == "allowed"',
        "both other codes come after it in the alphabet",
    ),
    Row(
        "approvals.policy",
        "ReplaceComparisonOperator_Eq_GtE",
        "if self.code == NotFound.code:",
        "both other codes come before it in the alphabet",
    ),
    Row(
        "approvals.policy",
        "ReplaceComparisonOperator_Eq_LtE",
        'least = "lead" if ROLES_THAT[action] == {Role.LEAD} else "reviewer"',
        "no action is left to no role, so that only this set is a part of it",
    ),
    Row(
        "approvals.policy",
        "ReplaceComparisonOperator_Eq_LtE",
        'rights = "the right " if len(wanted) == 1 else "one of the rights "',
        "every action of the table has a right",
    ),
    Row(
        "approvals.policy",
        "ReplaceBinaryOperator_BitOr_BitXor",
        "return QueueMembership.objects.filter(Q(user=user) | Q(group__in=user.groups.all()))",
        "by a constraint a membership is a user's or a group's, never both",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceBinaryOperator_BitOr_BitXor",
        "DUE = Q(state=State.WAITING, not_before__lte=Now()) | Q(state=State.SENDING, lease_until__lte=Now())",
        "no entry is in both states",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceBinaryOperator_BitOr_BitXor",
        "return OutboxEntry.objects.filter(first | again | abandoned, lane=lane).count()",
        "no entry fits two of them: states and counts of attempts differ",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceComparisonOperator_Eq_LtE",
        "return self.verdict is not None and self.verdict.state == State.PARKED",
        "none of a verdict's states comes before it in the alphabet",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceComparisonOperator_Eq_GtE",
        "return self.verdict is not None and self.verdict.state == State.WAITING",
        "no state comes after it in the alphabet",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceComparisonOperator_Eq_GtE",
        "if verdict.state == State.WAITING:",
        "no state comes after it in the alphabet",
    ),
    Row(
        "approvals.records.outbox",
        "ReplaceComparisonOperator_Eq_LtE",
        "proved = result.result == OutboxAttempt.Result.ACCEPTED or was_accepted",
        "no result comes before it in the alphabet",
    ),
    Row(
        "approvals.delivery.callbacks",
        "ReplaceComparisonOperator_Eq_LtE",
        "if lease.number == 1:",
        "attempts are counted from one",
    ),
    Row(
        "approvals.delivery.callbacks",
        "ReplaceComparisonOperator_Gt_NotEq",
        "return entry.attempts > 1 and (before.detail, entry.detail) == (",
        "an attempt is concluded here, so that there is one at least",
    ),
    Row(
        "approvals.delivery.callbacks",
        "ReplaceComparisonOperator_Eq_GtE",
        "and entry.state == entry.State.WAITING",
        "no state comes after it in the alphabet",
    ),
    Row(
        "approvals.delivery.callbacks",
        "ReplaceComparisonOperator_Eq_GtE",
        'kind = AuditKind("callback.retrying" if state == DeliveryState.WAITING else f"callback.{state}")',
        "no state comes after it in the alphabet",
    ),
    Row(
        "approvals.reconciliation.callback_evidence",
        "ReplaceComparisonOperator_Eq_LtE",
        'aborted = ending.kind == "ExecutionAborted"',
        "none of the events that end an execution comes before it in the alphabet",
    ),
    Row(
        "approvals.api.webhook_signature",
        "NumberReplacer",
        '_PLACEHOLDER = _SignedHeaders("", 0, ("",), "")',
        "what it stands for is refused as malformed, whatever is compared meanwhile",
    ),
)


def reason(mutation: Mutation) -> str | None:
    """Why a mutation is equivalent; None if it is not known to be."""
    return next((row.why for row in ROWS if row.fits(mutation)), None)
