"""The reference pages say what the code says, and nothing in the code lacks its explanation."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.test import Client

from approvals.exceptions import ApprovalsError
from approvals.records.audit_kinds import AuditKind
from approvals.web import timeline
from tests import factories
from tests.paths import ROOT
from tests.reference import commands, pages, settings

PAGES = pages.all_pages()
COMMANDS = commands.commands()
PRODUCT = "approvals."


def page(name: str) -> str:
    """A reference page as the code has it now."""
    return PAGES[ROOT / "docs" / "reference" / f"{name}.md"]


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_a_reference_page_is_up_to_date(path: Path) -> None:
    written = path.read_text() if path.exists() else ""

    assert written == PAGES[path], f"docs/reference/{path.name} is stale: run `make reference`"


def test_there_is_no_reference_page_that_nothing_writes() -> None:
    assert set((ROOT / "docs" / "reference").iterdir()) == set(PAGES)


def test_a_bar_does_not_end_a_cell_of_a_table() -> None:
    assert pages.table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |\n"


# --- settings


def test_every_setting_has_a_meaning_and_a_default() -> None:
    read = settings.settings()
    explained = {name for each in read if each.meaning and each.default for name in each.names}

    assert {name for each in read for name in each.names} - explained == set()


def test_a_setting_is_explained_by_the_comment_above_its_reading() -> None:
    source = """
# Not this.
#: How many, and
#: why.
COUNT = env.int("COUNT", default=3)
#: Where. Default: here.
PLACE = env.str("PLACE", default="") or HERE
SECRET = secret("SECRET", minimum=50, debug="")
"""

    assert list(settings.of_source(source)) == [
        (["COUNT"], "How many, and why.", "`3`"),
        (["PLACE"], "Where.", "here"),
        (["SECRET"], "", "required"),
    ]


# --- commands


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_every_command_and_every_argument_has_its_help(command: commands.Command) -> None:
    assert command.help
    for argument in command.arguments:
        assert commands.explanation(argument), argument.dest


@pytest.mark.parametrize("name", sorted({each.name.partition(" ")[0] for each in COMMANDS}))
def test_a_command_that_ends_with_a_finding_says_when(name: str) -> None:
    command = load_command_class("approvals", name)
    code = inspect.getsource(inspect.getmodule(type(command)))
    code += inspect.getsource(getattr(command, "implementation", type(command)))

    assert ("Exit code 3" in command.help) == ("FINDING" in code)


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("grant", "grant EMAIL [QUEUE] [viewer|reviewer|lead] [--site RIGHT] [--create]"),
        ("quarantine discard", "quarantine discard ID... --reason REASON"),
        ("verify_audit", "verify_audit [--review ID] [--after CHAIN]"),
    ],
)
def test_the_usage_shows_what_may_be_left_out(name: str, usage: str) -> None:
    assert [each.usage for each in COMMANDS if each.name == name] == [usage]


# --- errors


def test_every_error_of_the_product_has_a_message_and_those_with_a_code_are_on_the_page() -> None:
    Client().get("/healthz/live")  # loads every surface
    found = [ApprovalsError]
    for error in found:
        found += error.__subclasses__()
    ours = [error for error in found if error.__module__.startswith(PRODUCT)]

    assert [error for error in ours if not (error.__doc__ or "").strip()] == []
    assert {error for error in ours if "code" in vars(error)} == set(pages.refusals())
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", page("error-codes"), re.MULTILINE)
    assert {(error.code, str(error.status)) for error in ours} <= {row[:2] for row in rows}
    assert all(message.strip() for *_, message in rows)


# --- audit kinds


def test_every_audit_kind_stands_in_a_group_and_has_a_meaning() -> None:
    found = list(pages.kinds())

    assert [kind for _, kind, _ in found] == list(AuditKind)
    assert [kind for group, kind, meaning in found if not group or not meaning] == []


@pytest.mark.parametrize("kind", timeline.DESCRIPTIONS)
def test_the_page_has_the_sentence_of_the_timeline(kind: str) -> None:
    [row] = [line for line in page("audit-kinds").splitlines() if f"| `{kind}` |" in line]

    assert row.endswith(f"| {timeline.DESCRIPTIONS[kind][2]} |")


# --- metrics


def test_every_metric_of_ours_is_on_the_page_with_its_description(db: None) -> None:
    factories.queue("beating", heartbeat_seconds=60)

    shown = Client().get("/metrics").content.decode()

    ours = re.findall(r"^# HELP (countersign_\w+) (.+)$", shown, re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| gauge \| `queue` \| (.+) \|$", page("metrics"), re.MULTILINE)
    assert len(ours) == 3
    assert rows == ours
