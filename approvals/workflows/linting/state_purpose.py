"""Guesses what a state is for by the words in its name and its function's name: notify, compensate, charge.

A guess is all it is: a state that is named otherwise is not recognised (docs/workflows.md).
"""

from __future__ import annotations

import re

from approvals.workflows.asl.model import State

_NOTICE = {
    *("notify", "notification", "notifications", "notice", "email", "mail", "sms", "alert"),
    *("inform", "announce", "newsletter"),
}
_COMPENSATION = {
    *("rollback", "refund", "release", "undo", "compensate", "compensation", "cancel", "void"),
    *("revert", "reverse", "restore"),
}
_CHARGE = {"pay", "payment", "charge", "capture", "debit", "payout", "withdraw", "bill"}

_GATHERING = {
    *("aggregate", "combine", "merge", "join", "collect", "consolidate", "gather", "reduce"),
    *("result", "results", "summary", "summarize", "report", "compare", "evaluate"),
}
_ERROR_HANDLING = {"error", "errors", "exception", "exceptions", "fallback", "log", "logger"}
# Calls of an API of AWS that only read: dynamodb:getItem, aws-sdk:ec2:describeInstances.
_READING = re.compile(r":(?:get|batchGet|describe|list|query|scan|head|search)(?:[A-Z]\w*)?$")


def words(state: State) -> set[str]:
    """The words of a Task's name and of its function's name, in lower case."""
    function = re.split(r":function:|:::", state.resource)[-1]
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", f"{state.name} {function}")
    return {word.lower() for word in found}


def is_notice(state: State) -> bool:
    """Whether a Task only sends a notice: a mail, an SMS, an SNS message."""
    if state.waits_for_token or not state.resource:
        return False
    sends = re.search(r":(sns:publish|ses(v2)?:sendEmail)\b", state.resource)
    return bool(sends) or (state.is_lambda and bool(words(state) & _NOTICE))


def only_reads(state: State) -> bool:
    """Whether a Task only asks a service of AWS for something, and changes nothing."""
    return not state.is_lambda and bool(_READING.search(state.resource))


def is_compensation(state: State) -> bool:
    """Whether a Lambda undoes what an earlier state did."""
    return state.is_lambda and bool(words(state) & _COMPENSATION) and not is_notice(state)


def is_charge(state: State) -> bool:
    """Whether a Lambda takes money from a customer."""
    if not state.is_lambda or is_notice(state) or is_compensation(state):
        return False
    return bool(words(state) & _CHARGE)


def takes_order(state: State) -> bool:
    """Whether a state that takes its whole input would miss the order in a list of results."""
    return state.is_lambda and not words(state) & _GATHERING


def takes_order_with_error(state: State) -> bool:
    """Whether a state that takes its whole input would miss the order beside an error."""
    return state.is_lambda and not words(state) & _ERROR_HANDLING
