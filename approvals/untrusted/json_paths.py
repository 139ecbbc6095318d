"""JSON paths of the simple kind: `$.callback.id`, `$.items[0]['order id']`. No filters, no wildcards."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 200  # characters of a path
Path = tuple[str | int, ...]
_STEP = re.compile(r"""\.([^\W\d][\w-]*)|\['([^'\]]+)'\]|\["([^"\]]+)"\]|\[([0-9]{1,6})\]""")


def parse(path: str) -> Path:
    """The keys and indexes of a path. Raises ValueError with a sentence for people."""
    if not path.startswith("$") or len(path) > LONGEST:
        raise ValueError(f"A path begins with $ and has at most {LONGEST} characters.")
    steps: list[str | int] = []
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise ValueError(
                f"The path cannot be read from character {place} on: use .name and [0]."
            )
        name = match[1] or match[2] or match[3]
        steps.append(name or int(match[4]))
        place = match.end()
    if not steps:
        raise ValueError("The path names the whole message: name one value, such as $.callback.id.")
    return tuple(steps)


def value_at(document: Any, path: Path) -> Any:
    """The value at a path; None if there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(document, dict):
            document = document.get(step)
        elif isinstance(step, int) and isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return None
    return document
