"""What a state is for, by the words of its name and of its function's: moving money, telling people,
taking back. A guess, as a colleague would guess; the documentation says that it is one."""

from __future__ import annotations

import re

from approvals.workflows.asl.states import State

_NOTICE = {
    *("notify", "notification", "notifications", "notice", "email", "mail", "sms", "alert"),
    *("inform", "announce", "newsletter"),
}
_COMPENSATION = {
    *("rollback", "refund", "release", "undo", "compensate", "compensation", "cancel", "void"),
    *("revert", "reverse", "restore"),
}
_MONEY = {"pay", "payment", "charge", "capture", "debit", "payout", "withdraw", "bill"}


def words(state: State) -> set[str]:
    """The words of a Task's name and of its function's name, in lower case."""
    function = re.split(r":function:|:::", state.resource)[-1]
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", f"{state.name} {function}")
    return {word.lower() for word in found}


def is_notice(state: State) -> bool:
    """Whether a Task only tells somebody something."""
    if state.waits_for_token or not state.resource:
        return False
    told = re.search(r":(sns:publish|ses(v2)?:sendEmail)\b", state.resource)
    return bool(told) or (state.is_lambda and bool(words(state) & _NOTICE))


def is_compensation(state: State) -> bool:
    """Whether a Lambda takes back what an earlier state did."""
    return state.is_lambda and bool(words(state) & _COMPENSATION) and not is_notice(state)


def moves_money(state: State) -> bool:
    """Whether a Lambda takes money from somebody."""
    if not state.is_lambda or is_notice(state) or is_compensation(state):
        return False
    return bool(words(state) & _MONEY)
