"""Management commands as operators and scripts run them."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


def run(*arguments: str) -> str:
    """Run a management command; return its standard output."""
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def refused(*arguments: str) -> str:
    """Run a management command that must fail; return its one line."""
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    return str(refusal.value)


def ended(*arguments: str) -> tuple[int, str]:
    """Run a management command; return its exit code and its standard output."""
    out, code = io.StringIO(), 0
    try:
        call_command(*arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue()
