"""Starts the local AWS account as a child process, and gives what other processes need to use it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.processes import LocalError

REGION = "us-east-1"
_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Account:
    """A running local AWS account. Everything in it is lost when it stops."""

    process: subprocess.Popen[bytes]
    endpoint: str
    region: str = REGION

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which boto3 uses this account."""
        return environment(self.endpoint, self.region)

    def stop(self) -> None:
        """End the account at once; there is nothing to save."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def environment(endpoint: str, region: str = REGION) -> dict[str, str]:
    """Return boto3's variables for the account at `endpoint`.

    The credentials are dummies: the account accepts any. The configuration files for real accounts
    of this machine's user are hidden.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def hide_shell_configuration() -> None:
    """Remove the AWS variables of the shell from this process, and hide its configuration files.

    Call it before moto is imported: boto3 reads them then, and fails if a profile is missing or a
    file is broken.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def start(port: int | None = None, *, log: Path | None = None) -> Account:
    """Start the account, on a free port unless one is given, and wait until it answers.

    Call it from the main thread: the account dies with the thread that started it. Its standard
    error goes to `log`. Raises `LocalError` with one line when it cannot start.
    """
    with log.open("wb+") if log else tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local.aws"),
                *("--port", str(port or 0), "--parent", str(os.getpid())),
            ],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        endpoint = _first_line(process)
        if not endpoint.startswith("http"):
            process.kill()
            process.wait()
            raise LocalError(f"the local AWS did not start: {_last_line(errors)}")
    return Account(process, endpoint)


def _first_line(process: subprocess.Popen[bytes]) -> str:
    if process.stdout is None:
        raise AssertionError("started with a pipe")
    with process.stdout as output:
        ready, _, _ = select.select([output], [], [], _READY_SECONDS)
        return output.readline().decode().strip() if ready else ""


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"
