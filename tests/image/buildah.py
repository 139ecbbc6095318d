"""Builds the image with buildah, on a base made from this machine's Debian mirrors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# As root, buildah caches there where it has seen a layer, even if it is given another store.
BLOB_CACHE = Path("/var/lib/containers/cache/blob-info-cache-v1.boltdb")
RELEASE = "bookworm"  # of the Dockerfile's base, which is made here: nothing is pulled
SLIM = [  # what sets debian:*-slim apart from a minimal Debian, so that sizes compare
    *("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright"),
    *(f"path-exclude=/usr/share/{name}/*" for name in ("groff", "info", "lintian", "man")),
    "path-exclude=/usr/share/locale/*",
]


@dataclass(frozen=True)
class Image:
    """A built image: its configuration as the registry would hold it, and its files."""

    config: dict[str, Any]
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What it gives to each process."""
        return dict(line.split("=", 1) for line in self.config["Env"])


class Buildah:
    """buildah with a store of its own under `work`; nothing of it is left elsewhere."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.policy = work / "policy.json"
        self.policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (work / "tmp").mkdir()

    def __call__(self, command: str, *arguments: str | Path) -> str:
        """Run a buildah command; its standard output."""
        store = [f"--root={self.work / 'store'}", f"--runroot={self.work / 'run'}"]
        return output_of(
            ["buildah", *store, "--storage-driver=vfs", command, *arguments],
            env={**os.environ, "TMPDIR": str(self.work / "tmp")},
        )

    def base(self) -> str:
        """A minimal Debian from the mirrors of this machine's apt; the name of the image."""
        tarball = self.work / "base.tar"
        options = [f"--dpkgopt={line}" for line in SLIM]
        options += [f"--aptopt={line}" for line in of_apt()]
        mirrors = "".join(f"deb {line}\n" for line in debian_mirrors())
        output_of(
            ["mmdebstrap", "--quiet", "--variant=minbase", *options, RELEASE, tarball], mirrors
        )
        container = self("from", "scratch").strip()
        self("add", "--quiet", container, tarball, "/")
        tarball.unlink()
        policy = f"--signature-policy={self.policy}"
        self("commit", "--quiet", "--rm", policy, container, "localhost/base")
        return "localhost/base"

    def build(self, context: Path, **arguments: str) -> str:
        """Build the Dockerfile of `context` as it stands, with these build arguments."""
        pip = self.work / "pip.conf"
        pip.write_text("[global]\n" + "".join(f"{line}\n" for line in of_pip()))
        volumes = [f"--volume={pip}:/etc/pip.conf:ro"]
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        if certificates.exists():  # a proxy's own authority is known to this machine alone
            volumes.append(f"--volume={certificates}:/run/machine-ca.crt:ro")
            with pip.open("a") as file:
                file.write("cert = /run/machine-ca.crt\n")
        self(
            *("bud", "--quiet", "--isolation=chroot", "--network=host", "--format=docker"),
            *("--pull-never", f"--signature-policy={self.policy}", *volumes),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *("--tag=localhost/countersign", context),
        )
        return "localhost/countersign"

    def image(self, name: str) -> Image:
        """The image of this name, its files laid out."""
        inspected = json.loads(self("inspect", "--type=image", name))
        container = self("from", "--pull-never", f"--signature-policy={self.policy}", name).strip()
        root = Path(self("mount", container).strip())
        return Image(inspected["Docker"]["config"], root)


def output_of(command: list[str | Path], text: str = "", **options: Any) -> str:
    """Run a program; return its standard output. Fails with the end of its standard error."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, check=False, **options
    )
    assert done.returncode == 0, f"{command[0]}: {(done.stdout + done.stderr)[-4000:]}"
    return str(done.stdout)


def debian_mirrors() -> list[str]:
    """`URI suite component` of each Debian archive of this release that apt knows here."""
    form = "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)"
    rows = output_of(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).split(
        "\n"
    )
    found = [
        row.removeprefix("Debian ") for row in rows if re.match(rf"Debian \S+ {RELEASE}\b", row)
    ]
    if not found:
        pytest.exit(f"make image-test needs a machine whose apt knows Debian {RELEASE}", 1)
    return sorted(set(found))


def of_apt() -> list[str]:
    """How this machine's apt gets at its mirrors: proxies, and how old an index may be."""
    lines = output_of(["apt-config", "dump"]).splitlines()
    wanted = re.compile(r"Acquire::(Check-|https?::|Retries)\S* ")
    return [line for line in lines if wanted.match(line) and not line.endswith('"";')]


def of_pip() -> list[str]:
    """Which indexes this machine's pip asks; what lies on this machine's disk is not in the build."""
    lines = output_of([sys.executable, "-m", "pip", "config", "list"]).splitlines()
    wanted = re.compile(r"\S+\.((?:extra-)?index-url|trusted-host|timeout)='(.*)'$")
    found = [match for line in lines if (match := wanted.match(line))]
    return [f"{match[1]} = {match[2]}" for match in found if "file:" not in match[2]]
