"""The definitions that this installation ships, by their names."""

from __future__ import annotations

from pathlib import Path

DEFINITIONS = Path(__file__).resolve().parent / "definitions"
SUFFIX = ".asl.json"


def installed() -> dict[str, Path]:
    """Name (`order_fulfillment`) and file of each definition, by name."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(DEFINITIONS.glob(f"*{SUFFIX}"))}
