"""The locks: everything that is installed is pinned by hash, for what ships and for development."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.paths import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package of a lock."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    found = {}
    for entry in entries:
        pin = re.match(r"([a-z0-9-]+(?:\[[a-z0-9,-]+\])?)==([^\s;]+)", entry)
        assert pin, entry
        found[pin[1].partition("[")[0]] = (
            pin[2],
            len(re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)),
        )
    return found


def named(requirement: str) -> str:
    return re.split(r"[<>=~\[; ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes_and_no_place_to_come_from(lock: str) -> None:
    found = pins(lock)

    assert found
    assert [name for name, (_, hashes) in found.items() if not hashes] == []
    assert not re.search(
        r"://|^-|file:|/opt|index-url|find-links", (ROOT / lock).read_text(), re.MULTILINE
    )


def test_the_locks_have_what_the_project_asks_for_and_agree() -> None:
    ships, develops = map(pins, LOCKS)
    project = PROJECT["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["service"]}

    assert {named(each) for each in wanted} <= ships.keys()
    for requirement in PROJECT["dependency-groups"]["dev"]:
        assert (
            develops[named(requirement)][0] == requirement.partition(";")[0].partition("==")[2]
        ), "run make lock"
    assert {n for n in ships.keys() & develops.keys() if ships[n][0] != develops[n][0]} == set()


@pytest.mark.parametrize("place", ["Makefile", "Dockerfile"])
def test_what_is_installed_is_installed_by_hash(place: str) -> None:
    text = (ROOT / place).read_text().replace("\\\n", " ")
    installs = [line for line in text.splitlines() if "pip install" in line and "-r " in line]

    assert installs
    assert all("--require-hashes" in line for line in installs)
