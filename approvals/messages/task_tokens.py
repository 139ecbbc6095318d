"""Task tokens: the secret string itself, and what of a message cannot be one."""

from __future__ import annotations

import re
from typing import NoReturn

from approvals.untrusted import redaction
from approvals.untrusted.strict_json import Unreadable

MAX_TOKEN = 2_048  # API reference, SendTaskSuccess: taskToken
MIN_TOKEN = (
    16  # a token of Step Functions has hundreds of characters; AWS documents no least length
)

_ALIEN = re.compile(r"[^!-~]")
# What shows that a text is not the token as Step Functions made it, by its beginning or by what is in it.
_CHANGED = re.compile(
    r"""(?P<quoted>["'`])"""
    r"""|(?P<arn>arn:)"""
    r"""|(?P<link>[hH][tT][tT][pP][sS]?://)"""
    r"""|(?P<prefixed>[tT]ask[_-]?[tT]oken[:=])"""
    r"""|(?P<empty>[^0-9A-Za-z]+$)"""
)
_CHANGED_INSIDE = re.compile(
    r"(?P<backslash>\\)"
    r"|(?P<html>&(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)"
    r"|(?P<cut>\.\.\.$)"
)
_CHANGES = {
    "quoted": "stands in quotes, as if it had been written as JSON twice",
    "arn": "is an ARN and no task token",
    "link": "is a link and no task token",
    "prefixed": "begins with the token's name",
    "empty": "has neither letters nor digits",
    "backslash": "holds a backslash: it is a piece of JSON text that was not parsed",
    "html": "was escaped for HTML, as its &...; shows",
    "cut": "was cut off",
}
_INTRINSIC = re.compile(r"States\.[A-Za-z]+\(")


class TaskToken:
    """A task token of Step Functions: a bearer secret that ends the waiting state. Only `reveal` shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return redaction.PLACEHOLDER

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskToken) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a task token is never pickled")

    def reveal(self) -> str:
        """The token as a string: for sealing, and for the call to Step Functions, and for nothing else."""
        return self._value


def check(token: str, place: str) -> None:
    """Refuse a text that cannot be a task token. `place` is where it stands, for the explanation.

    Raises Unreadable: `no_token` for a path or expression that was not resolved, `token_too_long`, or
    `not_a_token`; the explanation says what the sender has to mend.
    """
    _refuse_unresolved(token, place)
    if len(token) > MAX_TOKEN:
        raise Unreadable("token_too_long", f"{place} has over {MAX_TOKEN} characters.")
    if "%" in token:
        _refuse(f"The token under {place} was URL-encoded, as its % shows: send it as it is.")
    if token == redaction.PLACEHOLDER:
        _refuse(f"{place} holds {token!r}, which stands for a token that was taken out.")
    if _ALIEN.search(token):
        _refuse(
            f"The text under {place} holds blanks, control characters or letters beyond ASCII, so it is"
            " no task token: send $$.Task.Token as it is."
        )
    changed = _CHANGED.match(token) or _CHANGED_INSIDE.search(token)
    if changed is not None:
        what = _CHANGES[str(changed.lastgroup)]
        _refuse(f"The text under {place} {what}: send $$.Task.Token as it is.")
    if len(token) < MIN_TOKEN:
        _refuse(
            f"The text under {place} has {len(token)} characters, too few for a task token: send"
            " $$.Task.Token there."
        )


def _refuse_unresolved(token: str, place: str) -> None:
    """Refuse what a workflow should have replaced by a token."""
    shown = repr(token[:40])
    if "{%" in token:
        raise Unreadable(
            "no_token",
            f"The text {shown} stands under {place}: the state's query language is JSONPath. Set"
            " QueryLanguage to JSONata, or write `.$` after the key and $$.Task.Token as its value.",
        )
    if token.startswith("$") or _INTRINSIC.match(token):
        raise Unreadable(
            "no_token",
            f"{place} holds the path or expression {shown} instead of a token: name the key"
            f" `{place}.$` in the state, or put it between {{% and %}} if the state is JSONata.",
        )
    if "{" in token or "<" in token:
        explanation = f"{place} holds a placeholder in brackets that nothing replaced by a token."
        raise Unreadable("no_token", explanation)


def _refuse(explanation: str) -> NoReturn:
    raise Unreadable("not_a_token", explanation)
