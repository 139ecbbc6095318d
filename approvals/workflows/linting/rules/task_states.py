"""Rules on Task states: retries, timeouts and idempotency keys of Lambdas, and results of SDK integrations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.workflows.asl.model import CATCH_ALL, Definition, State, json_pointer, texts
from approvals.workflows.asl.reachability import loop_of
from approvals.workflows.linting.data_flow import reader_of_lost
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation
from approvals.workflows.linting.rules.reviews import TASK_FAILED
from approvals.workflows.linting.state_purpose import is_charge, is_compensation

# The errors that every Lambda should retry (developer guide, Best practices for Step Functions).
THROTTLES = (
    *("Lambda.ServiceException", "Lambda.AWSLambdaException"),
    *("Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
)
LONGEST_FUNCTION = 900  # seconds (Lambda's quota)
# Integrations that write and return nothing that an order needs.
_WRITES = re.compile(
    r":(dynamodb|sqs|sns|events|eventbridge):"
    r"(?:putItem|updateItem|deleteItem|sendMessage|publish|putEvents)$"
)
# The fields of their responses (API reference of each service).
_RESPONSES = {
    "dynamodb": frozenset(("Attributes", "ItemCollectionMetrics", "ConsumedCapacity")),
    "sqs": frozenset(
        (
            *("MessageId", "SequenceNumber", "MD5OfMessageBody", "Md5OfMessageBody"),
            *("MD5OfMessageAttributes", "MD5OfMessageSystemAttributes"),
        )
    ),
    "sns": frozenset(("MessageId", "SequenceNumber")),
    "events": frozenset(("Entries", "FailedEntryCount")),
    "eventbridge": frozenset(("Entries", "FailedEntryCount")),
}
_OF_EVERY_RESPONSE = frozenset(("SdkHttpMetadata", "SdkResponseMetadata"))
_SENDS = re.compile(r":(?:sqs:sendMessage|sns:publish)(?:\.waitForTaskToken)?$")
_KEY = re.compile(
    r"idempot|dedup|client_?(request_?)?token|request_?id|transaction_?id", re.IGNORECASE
)


def throttles_unretried(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Lambdas that are retried, but not on Lambda's own errors."""
    around = _retried_around(definition)
    for state in definition.states:
        if not state.is_lambda or not state.retriers or state.pointer.startswith(around):
            continue
        if state.retried_errors & {CATCH_ALL, TASK_FAILED}:
            continue
        if missing := [name for name in THROTTLES if name not in state.retried_errors]:
            yield Violation(
                state.pointer,
                f"Retry lacks {', '.join(missing)}: such an error of Lambda fails the state at once.",
                "Add them with IntervalSeconds 2, MaxAttempts 6, BackoffRate 2, MaxDelaySeconds and"
                " JitterStrategy FULL.",
            )


def retry_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Lambdas without any Retry; compensations have a rule of their own."""
    around = _retried_around(definition)
    for state in definition.states:
        if not state.is_lambda or state.retriers or state.pointer.startswith(around):
            continue
        if not is_compensation(state):
            yield Violation(
                state.pointer,
                "The function is tried once: a throttle or a hiccup of Lambda fails the state, with"
                " everything before it done.",
                f"Retry at least {', '.join(THROTTLES)}.",
            )


def _retried_around(definition: Definition) -> tuple[str, ...]:
    """The places of the states inside a Parallel or a Map that retries every error of a task."""
    return tuple(
        f"{state.pointer}/"
        for state in definition.states
        if state.type in ("Parallel", "Map") and state.retried_errors & {CATCH_ALL, TASK_FAILED}
    )


def timeout_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the Lambdas without a timeout; not what waits for a token, nor what is only started.

    Nor any where the execution as a whole ends sooner than a function's longest timeout.
    """
    whole = definition.body.get("TimeoutSeconds")
    if isinstance(whole, int) and whole <= LONGEST_FUNCTION:
        return
    for state in definition.states:
        if not state.is_lambda or state.waits_for_token or _is_only_started(state):
            continue
        if state.machine.express:  # AWS ends it after five minutes
            continue
        if not {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state.body):
            yield Violation(
                state.pointer,
                "Without TimeoutSeconds the order is held for as long as the function's own timeout"
                " lets it run: up to 15 minutes, in an EXPRESS workflow up to 5.",
                'Set "TimeoutSeconds" a little above what the function may take.',
            )


def _is_only_started(state: State) -> bool:
    """Whether Lambda is asked to run the function later, so that the state does not wait for its end."""
    return isinstance(state.payload, dict) and state.payload.get("InvocationType") == "Event"


def charge_without_key(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the charges that may be repeated and are given no idempotency key."""
    for state in definition.states:
        if not is_charge(state) or not (state.retriers or loop_of(state)):
            continue
        if not any(_KEY.search(text) for text in (*_keys(state.payload), *texts(state.payload))):
            yield Violation(
                state.pointer,
                "It is repeated (Retry, or a loop) and its payload names no idempotency key: unless the"
                " function makes one, a payment whose answer was lost is taken twice.",
                "Pass a key that names the order, not the attempt, for example"
                ' "idempotency_key.$": "States.Format(\'charge-{}\', $.order_id)".',
            )


def write_overwrites_input(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the writing integrations whose response replaces an input that a later state reads."""
    for state in definition.states:
        written = _WRITES.search(state.resource)
        if not written:
            continue
        reader = reader_of_lost(state, _RESPONSES[written[1]] | _OF_EVERY_RESPONSE, lambda _: True)
        if reader is not None:
            yield Violation(
                state.pointer,
                f"The SDK's answer replaces the whole input: {reader.name} reads it, and finds no"
                " order in it.",
                'Set "ResultPath": null.',
            )


def fifo_group_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the messages to a FIFO queue or topic that have no group, which SQS and SNS refuse."""
    for state in definition.states:
        sends, payload = _SENDS.search(state.resource), state.payload
        if not sends or not isinstance(payload, dict):
            continue
        address = payload.get("QueueUrl", payload.get("TopicArn"))
        fifo = isinstance(address, str) and address.endswith(".fifo")
        if fifo and not {"MessageGroupId", "MessageGroupId.$"} & set(payload):
            yield Violation(
                state.pointer,
                f"{address!r:.120} is FIFO and the message has no MessageGroupId: it is refused.",
                'Set "MessageGroupId.$" to the order\'s id (and MessageDeduplicationId, unless the'
                " queue takes the content for it).",
            )


def number_not_text(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields each number for DynamoDB that is not given as text.

    Not of the rows of CSV, which are text, nor of a state's result: who wrote the state knows its type.
    """
    of_csv, results = _items_of_csv(definition), _results(definition)
    for state in definition.states:
        if ":dynamodb:" in state.resource and not state.pointer.startswith(of_csv):
            place = state.pointer + "/Parameters"
            yield from _untexted_numbers(state.body.get("Parameters"), place, results)


def _results(definition: Definition) -> tuple[str, ...]:
    """The beginnings of the paths that lead into the result of a state."""
    paths = (state.body.get("ResultPath") for state in definition.states)
    written = [path for path in paths if isinstance(path, str) and path != "$"]
    return tuple(f"{path}{sign}" for path in written for sign in (".", "["))


def _items_of_csv(definition: Definition) -> tuple[str, ...]:
    """The places of the states inside a Map whose items are the rows of a CSV file: each value is a text."""
    found = []
    for state in definition.states:
        reader = state.body.get("ItemReader")
        config = reader.get("ReaderConfig") if isinstance(reader, dict) else None
        if isinstance(config, dict) and config.get("InputType") == "CSV":
            found.append(f"{state.pointer}/")
    return tuple(found)


def _untexted_numbers(value: Any, place: str, results: tuple[str, ...]) -> Iterator[Violation]:
    """Yields each `N` or `N.$` in a payload, at any depth, that holds a number or a path to none of `results`."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _untexted_numbers(inner, f"{place}/{index}", results)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        # A path may lead to text, but the numbers in an order's JSON are numbers.
        path = str(inner)
        plain = path.startswith("$.") and not path.startswith(results)
        plain = plain or isinstance(inner, int | float)
        if name in ("N", "N.$") and plain and not isinstance(inner, dict | list):
            number = f"{inner} leads to" if isinstance(inner, str) else "this is"
            yield Violation(
                place + json_pointer(name),
                f"DynamoDB takes a number as text: where {number} a JSON number, the state fails.",
                f'"N.$": "States.Format(\'{{}}\', {inner})", or the digits in quotes.',
            )
        yield from _untexted_numbers(inner, place + json_pointer(name), results)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _keys(inner)


RULES = (
    Rule("lambda-throttle-unretried", "Throttles are retried", throttles_unretried, (6,)),
    Rule("charge-without-key", "A payment has an idempotency key", charge_without_key, (7,)),
    Rule("lambda-timeout-missing", "A function's state ends", timeout_missing, (7,)),
    Rule("lambda-unretried", "Every Lambda is retried", retry_missing, (14,)),
    Rule("integration-overwrites-input", "A write keeps its input", write_overwrites_input, (14,)),
    Rule("fifo-group-missing", "A FIFO message has a group", fifo_group_missing),
    Rule("dynamodb-number", "DynamoDB gets numbers as text", number_not_text, (14,)),
)
