"""Text that a person has typed into a field: stripped, bounded, and only what the database can store."""

from __future__ import annotations

from approvals.exceptions import Invalid
from approvals.untrusted import strict_json


def checked(text: str, *, field: str, longest: int, required: str = "") -> str:
    """The text without surrounding blanks.

    `longest` counts characters; `required` is the sentence that refuses an empty text. Raises Invalid
    with the field's JSON Pointer for a text that is empty, too long, or cannot be stored.
    """
    text = text.strip()
    pointer = f"/{field}"
    if required and not text:
        raise Invalid(required, pointer=pointer)
    if len(text) > longest:
        raise Invalid(f"{field} has at most {longest:,} characters.", pointer=pointer)
    try:
        strict_json.check_text(text)
    except strict_json.Unreadable as error:
        raise Invalid(error.explanation, pointer=pointer) from None
    return text
