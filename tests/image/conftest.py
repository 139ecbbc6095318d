"""The image, built once for all its checks, and the service that runs from it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from local import aws
from tests.desk import QUEUE, Program
from tests.image.buildah import BLOB_CACHE, Buildah, Image, output_of
from tests.image.careless_checkout import planted_context
from tests.image.contained import Contained, secrets_as_documented
from tests.paths import ROOT


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    """A directory for all that this makes: on the disk, because a tmpfs may be too small."""
    (ROOT / "var").mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="image-", dir=ROOT / "var"))
    others = BLOB_CACHE.exists()
    yield directory
    shutil.rmtree(directory)
    if not others:
        BLOB_CACHE.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: others use it, too
            BLOB_CACHE.parent.rmdir()
            BLOB_CACHE.parent.parent.rmdir()


@pytest.fixture(scope="session")
def image(work: Path, request: pytest.FixtureRequest) -> Image:
    """The image, built by this tree's Dockerfile."""
    buildah = Buildah(work)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    began = time.monotonic()
    base = buildah.base()
    based = time.monotonic()
    context = planted_context(work / "context")
    name = buildah.build(context, BASE=base, VERSION=project["version"])
    built = time.monotonic()
    image = buildah.image(name)
    sizes = output_of(["find", image.root, "-type", "f", "-printf", "%s\n"]).split()
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write(
            f"image: {sum(map(int, sizes)) / 1e6:.0f} MB uncompressed,"
            f" base made in {based - began:.0f} s, image built in {built - based:.0f} s\n"
        )
    return image


@pytest.fixture(scope="session")
def desk(image: Image, work: Path) -> Iterator[Contained]:
    """The service from the image on a database and an account out here; nothing runs yet."""
    server, name = os.environ["DATABASE_URL"], f"image_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    run = work / "runtime"
    run.mkdir()
    secrets = secrets_as_documented(run, urlsplit(server)._replace(path=f"/{name}").geturl())
    account = aws.start(log=work / "aws.log")
    contained = None
    try:
        template = ROOT / "deploy" / "template.yaml"
        outputs = aws.deploy(account.endpoint, account.region, template, {})
        contained = Contained(image, account, outputs, secrets)
        yield contained
    finally:
        if contained:
            contained.stop(*list(contained.processes), how=signal.SIGKILL)
        account.stop()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def program(desk: Contained) -> Program:
    """A program of Ada's, in a service that the image itself has migrated and set up."""
    desk.manage("migrate", "--no-input", "--verbosity", "0")
    desk.manage("register_queue", QUEUE, "--sqs-url", desk.outputs["ReviewQueueUrl"])
    output = desk.manage("grant", "ada@example.com", QUEUE, "reviewer", "--create")
    assert "https://reviews.example.com/accounts/password/reset/key/" in output
    desk.manage("grant", "ada@example.com", "--site", "orders")
    ada = desk.program("ada")
    ada.session.headers["X-Forwarded-Proto"] = "https"
    return ada
