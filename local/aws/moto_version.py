"""The version of moto that the modules of this package replace parts of; no other one will do."""

from __future__ import annotations

import importlib.metadata

from local.processes import LocalError

WRITTEN_FOR = "5.2.5"


def check() -> None:
    """Raise `LocalError` unless that version is installed. moto itself is not imported for this."""
    try:
        found = importlib.metadata.version("moto")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != WRITTEN_FOR:
        raise LocalError(
            f"the local AWS needs moto {WRITTEN_FOR} and found {found}: run `make setup`"
        )
