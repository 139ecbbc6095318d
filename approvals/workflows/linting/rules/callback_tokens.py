"""The rule on task tokens: a state that waits for an answer sends its token where the receiver looks for it.

A message to SQS, SNS or EventBridge comes to intake, which reads the token at the top level, under the
names in `approvals.untrusted.message_fields`. What calls a Lambda, an HTTP endpoint or a container is
given the token anywhere: only its author knows where it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from approvals.untrusted.message_fields import is_bare_token, is_token_name
from approvals.workflows.asl.model import Definition, State, objects, texts
from approvals.workflows.linting.rule import QueueSettings, Rule, Violation

# The token itself, however the path is spelled: $$.Task.Token, $$['Task']['Token'].
_TASK, _TOKEN = (rf"(?:\.{name}\b|\[\s?['\"]{name}['\"]\s?\])" for name in ("Task", "Token"))
_PATH_OF_TOKEN = re.compile(rf"\$\${_TASK}{_TOKEN}")
# The token, or an object of the context that has it inside.
_PATH_WITH_TOKEN = re.compile(rf"\$\$(?:{_TASK}{_TOKEN}|{_TASK}(?![\w.\[])|(?![\w.\[$]))")
_EXPRESSION_WITH_TOKEN = re.compile(
    r"\$states\.context(?![\w.])|\$states\.context\.Task\b|\$states(?![\w.])"
)
_ONLY_TOKEN = re.compile(r"\{%\s*\$states\.context\.Task\.Token\s*%\}")
# The member of an object which an expression of JSONata gives the token, as it stands before the token.
_NAMED = re.compile(r"""(?<![\w-])([\w-]{1,64}+)["']?\s{0,8}:\s{0,8}$""")
_LONGEST_NAME = 96  # characters before the token in which _NAMED looks
_LITERAL = re.compile(r"\$\$\.Task\.Token|\$states\.context\.Task\.Token")
_INTAKE = re.compile(
    r":(?:sqs:sendMessage(?:Batch)?|sns:publish(?:Batch)?|events:putEvents|eventbridge:putEvents)\."
)
_BODIES = ("MessageBody", "Message", "Detail")
_LISTS = ("Entries", "PublishBatchRequestEntries")

_UNSENT = "nobody can answer, and the state waits until it times out."
_MISPLACED = (
    "The message has the task token, but not where intake reads it: at the top level, as taskToken in"
    " any spelling, or as token where none of these stands. Such a message ends in quarantine."
)
_FIX_JSONPATH = 'Put "taskToken.$": "$$.Task.Token" into the message.'
_FIX_JSONATA = 'Put "taskToken": "{% $states.context.Task.Token %}" into the message.'
_OR_MAP = " Or register the queue with the token's path (register_queue --map)."


def token_missing(definition: Definition, _: QueueSettings) -> Iterator[Violation]:
    """Yields the states that wait for a task token and do not send it where it is looked for."""
    for state in definition.states:
        if not state.waits_for_token:
            continue
        fix = _FIX_JSONATA if state.jsonata else _FIX_JSONPATH
        if not any(_has_token(state, name, text) for name, text in _named_texts(state.payload)):
            yield Violation(state.pointer, f"{_why_unsent(state)}: {_UNSENT}", fix)
        elif _is_misplaced(state):
            yield Violation(state.pointer, _MISPLACED, fix + _OR_MAP)


def _is_misplaced(state: State) -> bool:
    """Whether intake, if the message comes to it, does not find the token that the payload has."""
    sends = _INTAKE.search(state.resource)
    messages = list(_messages(state.payload)) if sends else []
    if not messages or any(_carries(state, message) for message in messages):
        return False
    # A topic or a bus often leads to people, and the token into a link: that is no message for intake.
    to_queue = ":sqs:" in state.resource
    return to_queue or any(
        _is_token_alone(state, name, text) for name, text in _named_texts(state.payload)
    )


def _why_unsent(state: State) -> str:
    """Why no text in the payload is the token once AWS has evaluated it."""
    language = "JSONata" if state.jsonata else "JSONPath"
    if state.payload is None and {"Parameters", "Arguments"} & set(state.body):
        return f"The payload stands in a field that a state in {language} does not have"
    written = next((text for text in texts(state.payload) if _LITERAL.search(text)), "")
    if not written:
        return "The payload has no task token"
    sent = (
        f"The payload sends the text {written!r:.70} and not the token: the state uses {language},"
    )
    if state.jsonata:
        return sent + " in which only {% $states.context.Task.Token %} is evaluated"
    return sent + " in which only a path under a key that ends with .$ is evaluated"


def _messages(payload: Any) -> Iterator[dict[str, Any]]:
    """The messages in a payload: itself, and each of the entries of a batch."""
    if not isinstance(payload, dict):
        return
    entries = [entry for name in _LISTS for entry in objects(payload.get(name))]
    for one in entries or [payload]:
        if any(name.removesuffix(".$") in _BODIES for name in one):
            yield one


def _carries(state: State, message: dict[str, Any]) -> bool:
    """Whether intake finds the token in this message: in its body, or in its attributes."""
    for name, body in message.items():
        bare = name.removesuffix(".$")
        if bare in _BODIES and _body_has_token(state, name, body):
            return True
        if bare == "MessageAttributes" and isinstance(body, dict):
            for key, attribute in body.items():
                if _is_name(key) and any(
                    _is_token(state, at, text) for at, text in _named_texts(attribute)
                ):
                    return True
    return False


def _body_has_token(state: State, name: str, body: Any) -> bool:
    """Whether a body has the token at its top level; every spelling of taskToken in it must be the token."""
    if isinstance(body, str):
        return _computed_body_has_token(state, name, body)
    if not isinstance(body, dict):
        return False
    spelled = [key for key in body if is_token_name(key.removesuffix(".$"))]
    keys = spelled or [key for key in body if is_bare_token(key.removesuffix(".$"))]
    return bool(keys) and all(
        isinstance(body[key], str) and _is_token(state, key, body[key]) for key in keys
    )


def _computed_body_has_token(state: State, name: str, text: str) -> bool:
    """Whether a body that AWS computes as a whole can have the token under a name that intake reads."""
    if not _is_token(state, name, text):
        return False
    if _is_token_alone(state, name, text):
        return False  # the token alone, which is no JSON
    named = [
        found[1]
        for token in re.finditer(r"\$states\.context\.Task\.Token\b", text)
        if (found := _NAMED.search(text[: token.start()][-_LONGEST_NAME:]))
    ]
    return not named or any(_is_name(key) for key in named)


def _is_name(key: str) -> bool:
    return is_token_name(key) or is_bare_token(key)


def _is_token(state: State, name: str, text: str) -> bool:
    """Whether AWS puts the token itself in the place of this text, which stands under `name`."""
    if state.jsonata:
        return _is_expression(text) and "$states.context" in text and ".Task.Token" in text
    return name.endswith(".$") and bool(_PATH_OF_TOKEN.search(text))


def _is_token_alone(state: State, name: str, text: str) -> bool:
    """Whether the token and nothing else is put in the place of this text."""
    if state.jsonata:
        return bool(_ONLY_TOKEN.fullmatch(text))
    return name.endswith(".$") and bool(_PATH_OF_TOKEN.fullmatch(text))


def _has_token(state: State, name: str, text: str) -> bool:
    """Whether AWS puts the token, or an object that has it, in the place of this text."""
    if state.jsonata:
        return _is_expression(text) and bool(_EXPRESSION_WITH_TOKEN.search(text))
    return name.endswith(".$") and bool(_PATH_WITH_TOKEN.search(text))


def _is_expression(text: str) -> bool:
    return text.startswith("{%") and text.endswith("%}")


def _named_texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a value with the key that it stands under; that of a list for its items."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _named_texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_texts(inner, name if not name.endswith(".$") else "")


RULES = (Rule("callback-token-missing", "Who shall answer gets the token", token_missing),)
