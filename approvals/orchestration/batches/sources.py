"""The sources of order batches: a local file, an S3 object, or the body of an API request.

Each is pinned when the batch is accepted, so that a process that reads on after a crash reads the
same content: by a VersionId or an ETag of S3, or by the SHA-256 of a file or a body.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from approvals.arns import Place
from approvals.exceptions import Invalid
from approvals.orchestration.batches import parsers

S3 = "s3://"
FILE = "file:"
API = "api"
HEAD = 4_096  # bytes that tell the form of a source
LONGEST_KEY = 1_024  # bytes of UTF-8 (S3 User Guide, object keys)
URL = r"^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.{1,1024})$"


@dataclass(frozen=True)
class Source:
    """A source as it is now."""

    name: str
    version: str
    size: int
    form: str


def place() -> Place:
    """The place of our buckets: AWS_REGION, with our own credentials."""
    return Place(settings.AWS_REGION)


def unseen(url: str) -> Source:
    """An S3 object that a worker describes later, because a web request never calls AWS. Raises Invalid."""
    split(url)
    return Source(url, "", 0, "")


def of_file(path: Path) -> Source:
    """A file of this machine, which no other machine can read on. Raises OSError."""
    with path.open("rb") as file:
        form = parsers.form_of(path.name, file.read(HEAD))
    return Source(f"{FILE}{path.name[:1_000]}", digest(path), path.stat().st_size, form)


def of_body(text: str) -> Source:
    """The body of a request: a JSON array."""
    body = text.encode()
    return Source(API, f"sha256:{hashlib.sha256(body).hexdigest()}", len(body), "json")


def digest(path: Path) -> str:
    """The SHA-256 that pins a file's content."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def split(url: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. Raises Invalid."""
    found = re.fullmatch(URL, url)
    if found is None or not url.isprintable():
        raise Invalid(f"{url[:100]!r} is not an s3://bucket/key.", pointer="/source")
    if len(found[2].encode()) > LONGEST_KEY:
        raise Invalid(f"A key has {LONGEST_KEY} bytes at most.", pointer="/source")
    return found[1], found[2]
