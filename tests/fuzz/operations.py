"""Every operation that the API's document names, with an address at which there is something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.fuzz.real_names import rows_of
from tests.fuzz.world import QUEUE, World

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """A method of an address, as the document describes it."""

    method: str
    path: str
    description: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, world: World) -> str:
        """The path with the name of a row that is there, and stays for the next request."""

        def name(match: re.Match[str]) -> str:
            return QUEUE if match[1] == "slug" else world.take(*rows_of(self.path), keep=True)

        return re.sub(r"\{(\w+)\}", name, self.path)

    def takes(self, name: str, place: str) -> bool:
        """Whether the document names this parameter."""
        return any(
            (one["in"], one["name"]) == (place, name)
            for one in self.description.get("parameters", ())
        )

    @property
    def is_signed(self) -> bool:
        """Whether it wants a signature where the others want a token."""
        return "webhooks" in self.path


def operations() -> Iterator[Operation]:
    """All of them."""
    generator: Any = SchemaGenerator  # drf-spectacular has no types
    document = generator().get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(method.upper(), path, methods[method])
