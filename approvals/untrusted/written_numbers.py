"""JSON numbers that remember how they were written: a float alone has lost some of their digits."""

from __future__ import annotations

from typing import Self


class WrittenNumber(float):
    """A number of JSON with a point or an exponent; `text` is how it was written.

    Everywhere else it is the float that `json` makes, and `json.dumps` writes it as that float.
    """

    text: str

    def __new__(cls, text: str) -> Self:
        """The number that this text of JSON writes. Raises ValueError if it is none."""
        made = super().__new__(cls, text)
        made.text = text
        return made
