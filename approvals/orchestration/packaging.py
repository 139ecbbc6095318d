"""Builds the files that CloudFormation reads from S3: workflow definitions and the code of the functions.

The caller uploads them, on AWS and locally. The same sources always give the same bytes, and each key
contains the digest of its content: an unchanged file deploys nothing, and a changed one has a new key.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

from approvals.workflows.installed_definitions import installed_definitions

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE.parent.parent
# The template's parameter that holds the key of each definition.
_DEFINITIONS = {
    "DefinitionKey": "order_fulfillment",
    "OrderBatchDefinitionKey": "order_batch",
    "DailyOrdersDefinitionKey": "daily_orders",
}
# The earliest date in a zip file: with the current date the digest would change every time.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def artifacts() -> dict[str, bytes]:
    """The files that must be in the bucket before the stack is deployed, by S3 key."""
    return dict([*map(_definition, _DEFINITIONS.values()), _code()])


def parameters(bucket: str) -> dict[str, str]:
    """The template's parameters for the bucket and the keys of the artifacts."""
    return {
        "ArtifactBucket": bucket,
        "LambdaCodeKey": _code()[0],
    } | {parameter: _definition(name)[0] for parameter, name in _DEFINITIONS.items()}


def lambda_zip() -> bytes:
    """The zip of the functions' code, with its package path, so that handlers have the same name everywhere."""
    packages = [_PACKAGE.parent / "__init__.py", _PACKAGE / "__init__.py"]
    modules = sorted((_PACKAGE / "lambdas").glob("*.py"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*packages, *modules]:
            entry = zipfile.ZipInfo(path.relative_to(_ROOT).as_posix(), date_time=_EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _definition(name: str) -> tuple[str, bytes]:
    content = installed_definitions()[name].read_bytes()
    return f"{name}-{_digest(content)}.asl.json", content


def _code() -> tuple[str, bytes]:
    content = lambda_zip()
    return f"order_lambdas-{_digest(content)}.zip", content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def main(arguments: list[str]) -> int:
    """Write the artifacts into a directory and print the template's parameters; returns the exit code."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m approvals.orchestration.packaging DIRECTORY BUCKET\n")
        return 2
    directory, bucket = Path(arguments[0]), arguments[1]
    directory.mkdir(parents=True, exist_ok=True)
    for key, content in artifacts().items():
        (directory / key).write_bytes(content)
    for name, value in parameters(bucket).items():
        sys.stdout.write(f"{name}={value}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
