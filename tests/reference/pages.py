"""The text of each reference page: a head that is written here, and what the code says."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path

from approvals import exceptions
from approvals.api import errors, webhook_signature
from approvals.exceptions import ApprovalsError
from approvals.records.audit_kinds import AuditKind
from approvals.web import metrics, timeline
from tests.paths import ROOT
from tests.reference import commands, settings

SETTINGS = """# Settings

The environment variables that the processes read, in the order of the code. Each may also be given as
`NAME_FILE`, the path of a file that holds the value. With a missing or weak one a process does not start:
it ends with exit code 1 and one line that names the variable and never its value.
[Deploying](../deploy.md#the-environment-of-a-process) says which process uses which and where its value
comes from. boto3 reads its own variables beside these, such as those of credentials.
"""
COMMANDS = """# Commands

Every command is `python manage.py NAME ...`; `--help` shows the same. What stands in brackets may be left
out, and dots mean that it may be given several times. Django's own options (`--verbosity`, `--settings`,
`--traceback` and so on) are not listed.

Exit codes: 0 ok, 1 error, 2 wrong usage, 3 a finding, or stored and not done yet. A mistake of the user is
one line on standard error and never a traceback.

Two processes have no command of ours: `python -m config.web` and
`celery -A config worker -P threads` ([deploying](../deploy.md#which-process-takes-which)). `manage.py demo`
is `make demo`; it exists only in a checkout. `lint_workflow` and `price_workflow` run without Django too,
as `python -m approvals.workflows.linting` and `python -m approvals.workflows.pricing`, and the first is a
pre-commit hook ([workflows](../workflows.md)).
"""
ERRORS = """# Error codes

What the REST API and the webhook answer when they refuse a request: a problem document (RFC 9457) with
these members `code` and `status`. The code is stable, so programs compare that; the message, its `title`
and the default of its `detail`, is for people and may change. Many documents have further members, which
the OpenAPI document at `/api/schema/` lists. Pages show the message, and commands print it and end with
exit code 1. `not_authenticated` is also the answer of the REST API to a missing or wrong bearer token.
"""
KINDS = """# Audit kinds

Every kind of audit event, by the chain on which it is recorded, in the column `kind` of the audit trail
(`GET reviews/{id}/events/`, the admin site). Kinds are stored and hashed, so one is never renamed or
removed. Events of a review or an order are shown on its page too, with the sentence in the third column, to
which details of the event, such as a name, may be added.
"""
METRICS = """# Metrics

`/metrics` of each web process shows them in the text format of Prometheus, on `PROBE_PORT` or, where that is
not set, to requests that did not come through a proxy. These gauges are read from the database, for all
processes together, so every web process shows the same values; they are missing while the database cannot be
reached.

On the same page are the counters of that web process, all its workers together, of requests and responses
(`django_http_*`, [django-prometheus](https://pypi.org/project/django-prometheus/)); with a single worker also
those of Python and the process (`python_*`, `process_*`). CloudWatch gets metrics of its own from the log
([alarms](../deploy.md#alarms)).
"""

ERROR_MODULES = (exceptions, errors, webhook_signature)


def all_pages() -> dict[Path, str]:
    """The text of each page by its path."""
    parts = {
        "settings": [SETTINGS, *_settings()],
        "commands": [COMMANDS, *_commands()],
        "error-codes": [ERRORS, *_errors()],
        "audit-kinds": [KINDS, *_kinds()],
        "metrics": [METRICS, *_metrics()],
    }
    note = "<!-- `make reference` writes this page from the code. -->\n"
    return {
        ROOT / "docs" / "reference" / f"{name}.md": "\n".join([note, *part])
        for name, part in parts.items()
    }


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n" for cells in lines
    )


def _code(text: str) -> str:
    return f"`{text}`"


def _settings() -> Iterator[str]:
    explained = [each for each in settings.settings() if each.meaning]
    yield table(
        ["name", "meaning", "default"],
        [[", ".join(map(_code, s.names)), s.meaning, s.default] for s in explained],
    )


def _commands() -> Iterator[str]:
    for command in commands.commands():
        level = "###" if " " in command.name else "##"
        yield f"{level} {command.name}\n\n{command.help}\n"
        if command.arguments:
            rows = [
                [_code(commands.form(each)), commands.explanation(each)]
                for each in command.arguments
            ]
            yield f"    {command.usage}\n"
            yield table(["argument", "meaning"], rows)


def refusals() -> list[type[ApprovalsError]]:
    """The errors of the service that have a code of their own, by HTTP status and code."""
    members = [m for module in ERROR_MODULES for m in vars(module).values() if isinstance(m, type)]
    ours = {each for each in members if issubclass(each, ApprovalsError) and "code" in vars(each)}
    return sorted(ours, key=lambda error: (error.status, error.code))


def _errors() -> Iterator[str]:
    rows = [(error.status, error.code, (error.__doc__ or "").strip()) for error in refusals()]
    known = {code for _, code, _ in rows}
    rows += [
        (status, code, f"{HTTPStatus(status).phrase}.")  # the errors of DRF
        for status, code in errors.CODES.items()
        if code not in known
    ]
    yield table(
        ["code", "status", "message"],
        [[_code(code), str(status), message] for status, code, message in sorted(rows)],
    )


def kinds() -> Iterator[tuple[str, AuditKind, str]]:
    """Each kind with the comment above its group and the comment beside it, or nothing for those."""
    group = ""
    for line in inspect.getsource(AuditKind).splitlines():
        code, _, comment = line.strip().partition("# ")
        if comment and not code:
            group = comment.removesuffix(".")
        elif name := re.match(r"[A-Z_]+(?= = )", code):
            yield group, AuditKind[name.group()], comment.partition("  # noqa")[0].strip()


def _kinds() -> Iterator[str]:
    for group, members in itertools.groupby(kinds(), key=lambda each: each[0]):
        rows = [
            [_code(kind), meaning, timeline.DESCRIPTIONS.get(kind, ("", "", ""))[2]]
            for _, kind, meaning in members
        ]
        width = 3 if any(sentence for *_, sentence in rows) else 2
        yield f"## {group}\n"
        yield table(["kind", "meaning", "on the timeline"][:width], [row[:width] for row in rows])


def _metrics() -> Iterator[str]:
    rows = [[_code(name), "gauge", "`queue`", what] for name, what, _ in metrics.GAUGES]
    yield table(["name", "type", "labels", "meaning"], rows)
