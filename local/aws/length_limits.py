"""The length limits of the Step Functions API, which neither botocore nor moto checks."""

from __future__ import annotations

from moto.core.exceptions import AWSError


def check_length(name: str, value: str | None, most: int, *, required: bool = True) -> None:
    """Raise AWS's ValidationException unless `value` has at most `most` bytes of UTF-8."""
    if value is None:
        if required:
            raise _refusal(name, "Member must not be null")
        return
    if len(value.encode("utf-8", "surrogatepass")) > most:
        raise _refusal(name, f"Member must have length less than or equal to {most}")


def _refusal(name: str, constraint: str) -> AWSError:
    return AWSError(
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
        f"{constraint}",
        "ValidationException",
    )
