"""Reads environment variables, or the files that NAME_FILE names, and refuses missing or weak secrets.

What is read here becomes a setting; no other module of the service reads `os.environ`. A `#:` comment
above a reading says what the variable means. `make reference` writes docs/reference/settings.md from
these comments, and takes the default from the code where the comment has no sentence `Default: ...`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class _Environment(environ.FileAwareEnv):  # type: ignore[misc]
    """Errors about a variable name it and never contain its value."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """Return the value of `var`. Raises ImproperlyConfigured if it does not fit the type."""
        try:
            return super().get_value(var, *args, **options)
        except ImproperlyConfigured:
            raise
        except OSError:
            raise ImproperlyConfigured(f"{var}_FILE names a file that cannot be read") from None
        except (KeyError, TypeError, ValueError):
            raise ImproperlyConfigured(f"{var} holds a value that cannot be used") from None

    def retention(self, name: str, *, default: int, least: int = 0) -> int:
        """Return a length of time in the unit of its name; 0 is for ever, and refused if `least` is 1.

        Raises ImproperlyConfigured for less than `least`.
        """
        given = int(self.int(name, default=default))
        for_ever = given == 0 and least != 1
        if given < least and not for_ever:
            raise ImproperlyConfigured(f"{name} is a number of at least {least}")
        return given

    def email(self, var: str, *, default: str) -> dict[str, Any]:
        """Return Django's e-mail settings from the URL in `var`. Raises ImproperlyConfigured."""
        try:
            settings: dict[str, Any] = self.email_url(var, default=default)
        except ImproperlyConfigured:
            raise ImproperlyConfigured(f"{var} is not an e-mail server's URL") from None
        return settings


env = _Environment()

#: For development: default secrets, log lines for a terminal and mail on the console. Default: off.
DEBUG: bool = env.bool("DEBUG", default=False)


def secret(name: str, *, minimum: int, debug: str) -> str:
    """Return the secret `name`, or the text of the file that `NAME_FILE` names.

    With DEBUG on, the default is `debug`. Raises ImproperlyConfigured, which names the variable, if
    it is missing or has fewer than `minimum` characters or fewer than 8 different ones.
    """
    value: str = env.str(name, default=debug if DEBUG else "").strip()
    if not value:
        raise ImproperlyConfigured(
            f"{name} is missing: set {name}, or {name}_FILE to a file's path"
        )
    if len(value) < minimum or len(set(value)) < 8:
        raise ImproperlyConfigured(
            f"{name} is too weak: it needs {minimum} random characters or more"
        )
    return value


def required(name: str, *, example: str) -> str:
    """Return the setting `name`. Raises ImproperlyConfigured with an `example` if it is missing."""
    value: str = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is missing: set it, for example {name}={example}")
    return value


def key_ring(name: str, *, debug: str) -> dict[str, bytes]:
    """Return the key ring `id:base64 of 32 bytes[,id:...]`, keys by id, in the order given.

    The first key seals; all of them open. Raises ImproperlyConfigured, which names the variable and
    never contains a key, if an entry is not of this form.
    """
    ring: dict[str, bytes] = {}
    for entry in secret(name, minimum=44, debug=debug).split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key_id or len(key_id.encode()) > 32 or len(key) != 32 or len(set(key)) < 8:
            raise ImproperlyConfigured(
                f"{name} is unusable: each entry is id:base64 of 32 random bytes"
                f" (entry {len(ring) + 1} is not)"
            )
        if key_id in ring:
            raise ImproperlyConfigured(f"{name} names the key id {key_id!r} twice")
        ring[key_id] = key
    return ring
