"""The files of the workflow definitions that this installation ships."""

from __future__ import annotations

from pathlib import Path

DEFINITIONS = Path(__file__).resolve().parents[1] / "orchestration" / "definitions"
SUFFIX = ".asl.json"


def installed_definitions() -> dict[str, Path]:
    """Each definition's file by the definition's name, as in `order_fulfillment`, sorted by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(DEFINITIONS.glob(f"*{SUFFIX}"))}
