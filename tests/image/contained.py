"""The service from the image: its processes in namespaces, as a container engine starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from functools import partial
from pathlib import Path

import yaml

from local import aws
from local.processes import dying_with_me
from tests.conditions import wait_until
from tests.desk import Desk
from tests.image.buildah import Image, output_of
from tests.paths import ROOT

UID = 10001
PROCESSES = ("web", "poller", "worker", "sweeper")
# As a container engine and compose.yaml would: a read-only root, a /tmp in memory, PID 1, no
# capabilities and no way to get any. $1 the image's root, $2 the contents of its /run, $3 the working
# directory of its commands, $4 and $5 its user and group; the rest is the command.
ENTER = """
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount --bind "$2" "$1/run"
root="$1" directory="$3" uid="$4" gid="$5"; shift 5
exec chroot "$root" env --chdir="$directory" setpriv --reuid="$uid" --regid="$gid" --clear-groups \
    --no-new-privs --inh-caps=-all --bounding-set=-all --pdeathsig KILL "$@"
"""


class Contained(Desk):
    """The service from the image: production settings, secrets as files, one PID namespace each."""

    def __init__(
        self, image: Image, account: aws.Account, outputs: dict[str, str], secrets: Path
    ) -> None:
        super().__init__(account, outputs, "")
        self.image, self.run_directory = image, secrets.parent
        compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
        self.services = {name: compose["services"][name] for name in PROCESSES}
        files = {
            name: value
            for name, value in compose["x-countersign"]["environment"].items()
            if name.endswith("_FILE")
        }
        self.environment = {
            **image.environment,
            **files,
            **account.environment(),
            "PUBLIC_URL": "https://reviews.example.com",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PORT": str(self.port),
            "CELERY_QUEUE_URL": outputs["CeleryQueueUrl"],
            "ORDER_FULFILLMENT_STATE_MACHINE_ARN": outputs["StateMachineArn"],
        }

    def contained(self, *command: str) -> list[str]:
        """The command line that runs `command` in the image."""
        config = self.image.config
        arguments = [str(self.image.root), str(self.run_directory), config["WorkingDir"]]
        arguments += config["User"].split(":")
        unshare = ["unshare", "--mount", "--pid", "--fork"]
        return [*unshare, "sh", "-euc", ENTER, "enter", *arguments, *command]

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs the image's own Python in the image."""
        return self.contained("python", *arguments)

    def run(self, *names: str) -> None:
        """Let exactly these services run: stop the others, start those that do not run yet."""
        self.stop(*[name for name in self.processes if name not in names])
        self.start(*[name for name in names if name not in self.processes])

    def start(self, *names: str, errors: Path | None = None) -> None:
        """Start services of compose.yaml; their standard error goes to the file `errors`, if it is given."""
        stderr = errors.open("ab") if errors else None
        for name in names:
            command = self.services[name].get("command", self.image.config["Cmd"])
            self.processes[name] = subprocess.Popen(
                self.contained(*command),
                env=self.environment,
                stderr=stderr,
                preexec_fn=dying_with_me(),  # noqa: PLW1509
            )
        for name in names:
            wait_until(partial(self.obeys, name), seconds=60, what=f"the {name} process")
        if "web" in names:
            wait_until(self.answers, seconds=60, what="the web process")

    def stop(self, *names: str, how: int = signal.SIGTERM) -> list[int]:
        """Stop services by a signal to their PID 1; their exit codes."""
        stopped = [self.processes.pop(name) for name in names if name in self.processes]
        for process in stopped:
            if process.poll() is None:
                os.kill(self.first(process), how)
        return [process.wait(30) for process in stopped]

    def first(self, process: subprocess.Popen[bytes]) -> int:
        """The PID out here of the process that is PID 1 in there (unshare itself only waits)."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def obeys(self, name: str) -> bool:
        """Whether a service has its handler for SIGTERM; the kernel keeps it from a PID 1 without one."""
        if not (pid := self.first(self.processes[name])):
            return False
        caught = int(status_of(Path(f"/proc/{pid}"))["SigCgt"], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    def inside(self, name: str) -> list[Path]:
        """All processes of a service, as directories of /proc."""
        namespace = Path(f"/proc/{self.first(self.processes[name])}/ns/pid").readlink()
        return [p for p in Path("/proc").glob("[0-9]*") if namespace_of(p) == namespace]


def status_of(process: Path) -> dict[str, str]:
    """Return what the kernel reports about a process."""
    return dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())


def namespace_of(process: Path) -> Path | None:
    """The PID namespace of a process; None once it has gone."""
    try:
        return (process / "ns" / "pid").readlink()
    except OSError:
        return None


def secrets_as_documented(work: Path, database_url: str) -> Path:
    """The secrets that compose.yaml's own lines make; only the database is another."""
    text = (ROOT / "compose.yaml").read_text()
    lines = re.findall(r"^#     (.*)$", text, re.MULTILINE)
    output_of(["bash", "-euc", "\n".join(lines)], cwd=work)
    declared = yaml.safe_load(text)["secrets"].values()
    assert all((work / secret["file"]).stat().st_mode & 0o777 == 0o644 for secret in declared)
    (work / "secrets" / "database_url").write_text(f"{database_url}\n")
    (work / "secrets").chmod(0o755)  # what is mounted are the files, not the directory around them
    return work / "secrets"
