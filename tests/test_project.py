"""What documents and code promise each other."""

from __future__ import annotations

import re

from django.core.management import get_commands

from tests.paths import ROOT

README = (ROOT / "README.md").read_text()


def test_every_command_of_ours_stands_in_the_readme_and_the_other_way_round() -> None:
    ours = {name for name, app in get_commands().items() if app == "approvals"}

    table = README[README.index("| command |") : README.index("### Settings")]
    named = set(re.findall(r"`([a-z_]+) ", table))
    assert named == ours


def test_every_setting_that_is_read_stands_in_the_readme() -> None:
    read = set(re.findall(r'(?:env\.\w+|secret|required|key_ring)\(\s*"([A-Z_]+)"', sources()))

    unexplained = read - {"AWS_DEFAULT_REGION", "DATABASE_POOL_SIZE"}  # boto3's; gunicorn's own
    assert unexplained <= set(re.findall(r"`([A-Z_]+)`", README))


def sources() -> str:
    """All of config."""
    return "\n".join(path.read_text() for path in (ROOT / "config").glob("*.py"))


def test_every_picture_in_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)

    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
