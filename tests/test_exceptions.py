"""The errors of the domain: a code for programs, a sentence for people, and a status for HTTP."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from approvals import exceptions
from approvals.exceptions import ApprovalsError, Invalid, Throttled

ERRORS = [
    each
    for each in vars(exceptions).values()
    if isinstance(each, type) and issubclass(each, ApprovalsError)
]


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({error.code for error in ERRORS}) == len(ERRORS) >= 15


@pytest.mark.parametrize("error", ERRORS)
def test_without_another_message_an_error_says_its_docstring(error: type[ApprovalsError]) -> None:
    message = error().message

    assert message == str(error()) == error.__doc__
    assert message.endswith(".")
    assert "\n" not in message
    assert 400 <= error.status < 600


def test_an_error_keeps_its_own_message_and_what_a_program_needs() -> None:
    error = Throttled("Too many.", retry_after=3)

    assert (error.message, error.extra, error.status) == ("Too many.", {"retry_after": 3}, 429)


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ({"slug": ["Not a slug.", "Too long."]}, "slug: Not a slug."),
        ({"__all__": ["Taken."]}, "Taken."),
    ],
)
def test_a_validation_becomes_its_first_message_after_the_name_of_its_field(
    messages: dict[str, list[str]], sentence: str
) -> None:
    assert Invalid.from_validation(ValidationError(messages)).message == sentence
