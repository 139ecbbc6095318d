"""What documents and code promise each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.paths import ROOT

README = (ROOT / "README.md").read_text()
REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 150
LINK = re.compile(r"\[(?:[^][]|\[[^]]*\])*\]\(([^)\s]+)\)")


def test_every_command_of_ours_stands_in_its_reference_and_the_other_way_round() -> None:
    ours = {name for name, app in get_commands().items() if app == "approvals"}

    headings = re.findall(r"^## (\w+)$", (REFERENCE / "commands.md").read_text(), re.MULTILINE)
    assert set(headings) == ours
    assert len(headings) == len(ours)


def test_every_setting_that_is_read_stands_in_its_reference_and_the_other_way_round() -> None:
    read = set(re.findall(r'(?:env\.\w+|secret|required|key_ring)\(\s*"([A-Z_]+)"', sources()))

    rows = re.findall(r"^\| (`[^|]+`) \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE)
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == read


def sources() -> str:
    """All of config."""
    return "\n".join(path.read_text() for path in (ROOT / "config").glob("*.py"))


def test_the_readme_is_short_and_leads_to_every_document() -> None:
    assert len(README.splitlines()) <= README_LINES

    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(README)}
    reached = {path for path in DOCUMENTS if linked & {path, *path.parents}}
    assert set(DOCUMENTS) - reached == {ROOT / "README.md"}


def test_every_picture_in_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)

    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_of_a_document_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(prose(document)) if "://" not in link]

    assert [link for link in links if not leads_somewhere(document, link)] == []


def prose(document: Path) -> str:
    """A document without its code, where brackets are no links."""
    without_blocks = re.sub(
        r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE
    )
    return re.sub(r"`[^`\n]*`", "`", without_blocks)


def leads_somewhere(document: Path, link: str) -> bool:
    """Whether a relative link's file exists, and its anchor among the file's headings."""
    name, _, anchor = link.partition("#")
    target = document.parent / name if name else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("README.md", True),
        ("docs", True),
        ("docs/deploy.md#alarms", True),
        ("docs/deploy.md#which-process-takes-which", True),
        ("docs/your-own-workflow.md#1-the-state", True),
        ("docs/deploy.md#bells", False),
        ("docs/nowhere.md", False),
    ],
)
def test_a_link_to_what_is_not_there_is_noticed(link: str, good: bool) -> None:
    assert leads_somewhere(ROOT / "README.md", link) == good
