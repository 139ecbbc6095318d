"""The definitions that are priced, and the type of the fixture that prices them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TEN = HERE / "ten_in_a_row.asl.json"
SEVEN = HERE / "seven_with_a_choice.asl.json"
Price = Callable[..., dict[str, Any]]
