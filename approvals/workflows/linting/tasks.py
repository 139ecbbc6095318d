"""Rules of tasks: retries, timeouts and keys of Lambdas, and what integrations return."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.paths import loop_of
from approvals.workflows.asl.states import CATCH_ALL, Definition, State, texts
from approvals.workflows.linting.reviews import TASK_FAILED
from approvals.workflows.linting.rules import Found, Limits, Rule
from approvals.workflows.linting.wording import is_compensation, moves_money

# What the developer guide's best practices ask to retry on every Lambda.
THROTTLES = (
    *("Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
)
# Integrations that write, whose answer nobody asked for.
_WRITES = re.compile(
    r":(dynamodb:(putItem|updateItem|deleteItem)|sqs:sendMessage|sns:publish|events:putEvents)$"
)
_KEY = re.compile(
    r"idempot|dedup|client_?(request_?)?token|request_?id|transaction_?id", re.IGNORECASE
)


def throttle_unretried(definition: Definition, _: Limits) -> Iterator[Found]:
    """Lambda throttles sooner or later."""
    for state in definition.states:
        if not state.is_lambda or not state.retriers or state.retried & {CATCH_ALL, TASK_FAILED}:
            continue
        if missing := [name for name in THROTTLES if name not in state.retried]:
            yield Found(
                state.pointer,
                f"Retry lacks {', '.join(missing)}: a throttle or a hiccup of Lambda fails the order.",
                "Add them with IntervalSeconds 2, MaxAttempts 6, BackoffRate 2, MaxDelaySeconds and"
                " JitterStrategy FULL.",
            )


def lambda_unretried(definition: Definition, _: Limits) -> Iterator[Found]:
    """A Lambda without any Retry."""
    for state in definition.states:
        if state.is_lambda and not state.retriers and not is_compensation(state):
            yield Found(
                state.pointer,
                "The function is tried once: a throttle or a hiccup of Lambda ends the order here,"
                " with everything before it done.",
                f"Retry at least {', '.join(THROTTLES)}.",
            )


def lambda_untimed(definition: Definition, _: Limits) -> Iterator[Found]:
    """A Lambda's state should end before the function's own limit."""
    for state in definition.states:
        if state.is_lambda and not {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state.body):
            yield Found(
                state.pointer,
                "Without TimeoutSeconds a function that never answers holds the order.",
                'Set "TimeoutSeconds" a little above what the function may take.',
            )


def charge_keyless(definition: Definition, _: Limits) -> Iterator[Found]:
    """A payment that is repeated must be recognised."""
    for state in definition.states:
        if not moves_money(state) or not (state.retriers or loop_of(state)):
            continue
        if not any(_KEY.search(text) for text in (*_keys(state.payload), *texts(state.payload))):
            yield Found(
                state.pointer,
                "It is repeated (Retry, or a loop) and is given no idempotency key: a payment that"
                " went through before its answer was lost is taken twice.",
                "Pass a key that names the order, not the attempt, for example"
                ' "idempotency_key.$": "States.Format(\'charge-{}\', $.order_id)".',
            )


def integration_overwrites(definition: Definition, _: Limits) -> Iterator[Found]:
    """The SDK's answer is no order."""
    for state in definition.states:
        if state.jsonata or state.ends or not _WRITES.search(state.resource):
            continue
        if state.body.get("ResultPath", "$") == "$":
            yield Found(
                state.pointer,
                "The SDK's answer replaces the whole input: the next state finds no order in it.",
                'Set "ResultPath": null.',
            )


def number_as_number(definition: Definition, _: Limits) -> Iterator[Found]:
    """DynamoDB takes numbers as text."""
    for state in definition.states:
        if ":dynamodb:" in state.resource:
            yield from _numbers(state, state.body.get("Parameters"), state.pointer + "/Parameters")


def _numbers(state: State, value: Any, place: str) -> Iterator[Found]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(state, inner, f"{place}/{index}")
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        # A path: its value may well be text; but an order's numbers are numbers.
        plain = isinstance(inner, int | float) or str(inner).startswith("$.")
        if name in ("N", "N.$") and plain and not isinstance(inner, dict | list):
            yield Found(
                f"{place}/{name}",
                "DynamoDB takes a number as text; a JSON number fails the state.",
                f'"N.$": "States.Format(\'{{}}\', {inner})", or the digits in quotes.',
            )
        yield from _numbers(state, inner, f"{place}/{name}")


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _keys(inner)


RULES = (
    Rule("lambda-throttle-unretried", "Throttles are retried", throttle_unretried, (6,)),
    Rule("charge-without-key", "A payment has an idempotency key", charge_keyless, (7,)),
    Rule("lambda-timeout-missing", "A function's state ends", lambda_untimed, (7,)),
    Rule("lambda-unretried", "Every Lambda is retried", lambda_unretried, (14,)),
    Rule("integration-overwrites-input", "A write keeps its input", integration_overwrites, (14,)),
    Rule("dynamodb-number", "DynamoDB gets numbers as text", number_as_number, (14,)),
)
