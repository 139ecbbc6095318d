"""The keys: those that the help lists are those that the pages and the script have."""

from __future__ import annotations

import re

from django.conf import settings

TEMPLATES = settings.BASE_DIR / "approvals/templates/approvals"
SCRIPT = settings.BASE_DIR / "approvals/static/approvals/desk.js"
# By the script: a list's rows, a form's submission, and Enter, which every link has of itself.
OF_THE_SCRIPT = {"j", "k", "o", "x", "J", "K", "i", "I", "Ctrl", "⏎"}


def listed() -> set[str]:
    """The keys that the help lists, as `data-key` writes them; `1` stands for all digits."""
    keys = set()
    for row in re.findall(r"<dt>(.*?)</dt>", (TEMPLATES / "_shortcuts.html").read_text()):
        shown = re.findall(r"<kbd>(.*?)</kbd>", row)
        if shown[0] == "G":
            keys.add(" ".join(shown).lower())
            continue
        for key in shown:
            letter = key.removeprefix("⇧")
            keys.add(letter if key != letter or len(key) > 1 else key.lower())
    return keys - {"9"}


def on_pages() -> set[str]:
    """The keys of links, buttons and fields in the templates."""
    texts = [path.read_text() for path in TEMPLATES.glob("*.html")]
    found = {key for text in texts for key in re.findall(r'data-key="([^"]+)"', text)}
    return {"1" if "forloop" in key else "Esc" if key == "Escape" else key for key in found}


def test_the_help_lists_exactly_the_keys_that_there_are() -> None:
    assert listed() == on_pages() | OF_THE_SCRIPT


def test_the_script_moves_by_the_keys_that_are_its_own() -> None:
    script = SCRIPT.read_text()
    moves = re.search(r"!\[([^\]]*)\]\.includes\(key\)", script)
    assert moves
    assert set(re.findall(r'"(.)"', moves[1])) == OF_THE_SCRIPT - {"Ctrl", "⏎"}


def test_every_key_of_a_page_has_aria_keyshortcuts_or_is_part_of_a_sequence() -> None:
    for path in TEMPLATES.glob("*.html"):
        for tag in re.findall(r"<[^<>]*data-key=[^<>]*>", path.read_text()):
            sequence = re.search(r'data-key="g .', tag)
            assert sequence or "aria-keyshortcuts" in tag, (path.name, tag)
