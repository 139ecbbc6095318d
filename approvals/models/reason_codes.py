"""Reason codes: the reasons that a queue offers for its outcomes, each with a text to begin with.

They are one of the queue's documents, `ReviewQueue.reason_codes`, in the order in which the desk shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_CODE = 64
MAX_CODES = 50
SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "maxLength": MAX_CODE, "pattern": r"^[A-Za-z0-9_.-]+$"},
            "label": {"type": "string", "minLength": 1, "maxLength": 80},
            "template": {"type": "string", "maxLength": 2_000},
            "outcomes": {
                "type": "array",
                "items": {"enum": ["approved", "rejected"]},
                "minItems": 1,
                "uniqueItems": True,
            },
        },
        "required": ["code", "label", "outcomes"],
        "additionalProperties": False,
    },
    "maxItems": MAX_CODES,
}


@dataclass(frozen=True)
class ReasonCode:
    """A reason that a reviewer may choose; `text` stands for it where they write none."""

    code: str
    label: str
    template: str
    outcomes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The template, else the label."""
        return self.template or self.label


def parsed(document: Any) -> list[ReasonCode]:
    """The reason codes of a queue's document, in its order."""
    return [
        ReasonCode(
            code=str(entry["code"]),
            label=str(entry["label"]),
            template=str(entry.get("template", "")),
            outcomes=tuple(entry["outcomes"]),
        )
        for entry in document
    ]


def repeated(document: Any) -> str:
    """The first code that stands twice in a document; empty if none does."""
    codes = [entry.get("code", "") for entry in document if isinstance(entry, dict)]
    return next((code for code in codes if codes.count(code) > 1), "")
