"""The descriptions of the services of AWS, parsed once in a process: each session of boto3 parses them anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.loaders
import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_service_models() -> Iterator[None]:
    """All sessions take the descriptions from one loader: a client is made in 15 ms in place of 100."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield
