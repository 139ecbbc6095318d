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
        "approvals.api.webhook_signature",
        "NumberReplacer",
        '_PLACEHOLDER = _SignedHeaders("", 0, ("",), "")',
        "what it stands for is refused as malformed, whatever is compared meanwhile",
    ),
)


def reason(mutation: Mutation) -> str | None:
    """Why a mutation is equivalent; None if it is not known to be."""
    return next((row.why for row in ROWS if row.fits(mutation)), None)
