"""The contents of the sources of order batches: the pinned bytes, from S3, a file or the batch itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from approvals.exceptions import Invalid
from approvals.gateways import s3
from approvals.models import OrderBatch
from approvals.orchestration.batches import parsers, sources
from approvals.orchestration.batches.sources import Source
from approvals.untrusted.json_stream import BLOCK, Stream


def of_object(url: str) -> Source:
    """An S3 object by `s3://bucket/key`. Raises Invalid or Unavailable."""
    bucket, key = sources.split(url)
    found = s3.look(sources.place(), bucket, key)
    with s3.opened(sources.place(), bucket, key, found.version) as body:
        form = parsers.form_of(key, body.read(sources.HEAD))
    return Source(url, found.version, found.size, form)


@contextmanager
def opened(batch: OrderBatch, path: Path | None) -> Iterator[Stream]:
    """The pinned content of a batch's source from its first byte. Raises Invalid or Unavailable."""
    if batch.source == sources.API:
        yield io.BytesIO(batch.body.encode())
    elif batch.source.startswith(sources.S3):
        with s3.opened(sources.place(), *sources.split(batch.source), batch.source_version) as body:
            yield body
    elif path is None:
        raise Invalid(
            "The batch is read from a file: `start_orders FILE --resume` goes on with it."
        )
    else:
        with path.open("rb", buffering=BLOCK) as file:
            yield file
