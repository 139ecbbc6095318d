"""The guides for contributors name what is there: files, targets, layers, and what make check runs."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.paths import ROOT

RECORDS = sorted((ROOT / "docs/decisions").glob("0*.md"))
GUIDES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "docs/architecture.md",
    ROOT / "docs/decisions/README.md",
    *RECORDS,
]
MAKEFILE = (ROOT / "Makefile").read_text()
SVG = "{http://www.w3.org/2000/svg}"
# A path in back quotes; one with <noun> in it is an example.
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.*-]*)`")
ROOTS = ("approvals", "config", "deploy", "docs", "local", "tests")


@pytest.fixture(scope="module")
def paths() -> list[str]:
    """Every file and directory of the repository's own directories, from its root."""
    found = (path for name in ROOTS for path in (ROOT / name).rglob("*"))
    return [*ROOTS, *(path.relative_to(ROOT).as_posix() for path in found)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_guide_links_and_names_only_what_is_there(guide: Path, paths: list[str]) -> None:
    text = guide.read_text()

    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)}
    local = {link for link in links if link and "://" not in link}
    named = {path.rstrip("/") for path in PATH.findall(text)}
    assert {link for link in local if not (guide.parent / link).exists()} == set()
    # A path may leave out its beginning, as `web/urls.py` does.
    assert {path for path in named if not fnmatch.filter(paths, path)} - {
        path for path in named if fnmatch.filter(paths, f"*/{path}")
    } == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_guide_names_only_targets_that_make_has(guide: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

    named = set(re.findall(r"(?:`|^ {4,})make ([a-z-]+)", guide.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_each_record_has_its_sections_and_a_line_in_the_index() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()

    assert len(RECORDS) >= 10
    for number, record in enumerate(RECORDS, start=1):
        lines = record.read_text().splitlines()
        assert record.name.startswith(f"{number:04}-")
        assert lines[0].startswith(f"# {number:04}. ")
        assert [line for line in lines if line.startswith("## ")] == [
            *("## Context", "## Decision", "## Consequences"),
        ]
        assert len(lines) <= 40, record.name
        assert f"]({record.name})" in index


def test_the_drawing_of_the_layers_is_that_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(
        each for each in contracts["contracts"] if each.get("containers") == ["approvals"]
    )
    drawing = ElementTree.parse(ROOT / "docs/images/layers.svg").iter(f"{SVG}text")  # noqa: S314

    packages = [text.text for text in drawing if text.get("class") == "package"]
    expected = [name for layer in layers["layers"] for name in layer.split(" | ")]
    assert packages == [*expected, "config", "local"]


def test_the_hooks_before_a_commit_run_what_check_fast_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    recipe = re.search(r"^check-fast:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)

    assert recipe
    commands = recipe[1].replace("$(BIN)", ".venv/bin")
    assert all(hook["entry"] in commands for hook in hooks)
    assert len(hooks) == len(recipe[1].splitlines())
    assert all((ROOT / hook["entry"].split()[0]).exists() for hook in hooks)


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name
)
def test_a_form_for_issues_can_be_read_and_asks_under_distinct_names(form: Path) -> None:
    fields = yaml.safe_load(form.read_text()).get("body", [])

    names = [field["id"] for field in fields if field["type"] != "markdown"]
    assert len(names) == len(set(names))
