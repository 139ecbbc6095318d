"""`make image-test`: builds the image without Docker and sends a decision through its four processes.

Not run here: compose itself. Its commands, secrets and restrictions are what the processes get.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
import yaml

from local import aws
from local.order_traffic import order
from local.processes import dying_with_me
from tests.desk import QUEUE, ROOT, Desk, Program, wait_until

UID = 10001
# As root, buildah caches there where it has seen a layer, even if it is given another store.
BLOB_CACHE = Path("/var/lib/containers/cache/blob-info-cache-v1.boltdb")
RELEASE = "bookworm"  # of the Dockerfile's base, which is made here: nothing is pulled
PROCESSES = ("web", "poller", "worker", "sweeper")
NOT_SOURCE = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "var")
CANARY = "must-never-be-in-an-image"
PLANTED = (
    *(".env", ".git/config", "secrets/secret_key", "var/demo.json", "dump.sql.gz"),
    *("approvals/.env", "local/keys.py", "approvals/__pycache__/old.pyc"),
    *("config/prod.env", "tests/test_planted.py"),
)
SLIM = [  # what sets debian:*-slim apart from a minimal Debian, so that sizes compare
    *("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright"),
    *(f"path-exclude=/usr/share/{name}/*" for name in ("groff", "info", "lintian", "man")),
    "path-exclude=/usr/share/locale/*",
]
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

    def start(self, *names: str) -> None:
        """Start services of compose.yaml."""
        for name in names:
            command = self.services[name].get("command", self.image.config["Cmd"])
            self.processes[name] = subprocess.Popen(
                self.contained(*command),
                env=self.environment,
                preexec_fn=dying_with_me(),  # noqa: PLW1509
            )
        for name in names:
            wait_until(lambda n=name: self.obeys(n), seconds=20, what=f"the {name} process")
        if "web" in names:
            wait_until(self.answers, seconds=20, what="the web process")

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


def output_of(command: list[str | Path], text: str = "", **options: Any) -> str:
    """Run a program; return its standard output. Fails with the end of its standard error."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, check=False, **options
    )
    assert done.returncode == 0, f"{command[0]}: {(done.stdout + done.stderr)[-4000:]}"
    return done.stdout


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


def planted_context(target: Path) -> Path:
    """A copy of the tree as a careless checkout has it: full of secrets, readable by root alone."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_SOURCE), symlinks=True)
    for name in PLANTED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(f"# {CANARY}\n")
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target


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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
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


def test_the_image_holds_what_runs_and_nothing_else(image: Image) -> None:
    app = image.root / "app"

    assert {path.name for path in app.iterdir()} == {
        *("LICENSE", "approvals", "config", "manage.py", "staticfiles")
    }
    unwanted = {"local", "static_src", "tests"}
    assert not [path for path in app.rglob("*") if path.name in unwanted or path.name[0] == "."]
    assert (app / "approvals" / "worker" / "loop.py").is_file()
    assert (app / "approvals" / "__pycache__").is_dir()  # compiled once, here
    packages = next((image.root / "venv" / "lib").glob("python3.*")) / "site-packages"
    assert not [path for name in ("pip", "moto", "pytest") for path in packages.glob(name)]
    found = subprocess.run(["grep", "-rlF", CANARY, image.root], capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (1, b"")


def test_nothing_in_the_image_belongs_to_the_service_or_can_be_written_by_it(image: Image) -> None:
    ours = ["-uid", str(UID), "-o", "-gid", str(UID), "-o", "-perm", "-o+w", "!", "-type", "l"]
    found = output_of(
        ["find", ".", "-path", "./dev", "-prune", "-o", "(", *ours, ")", "-printf", "%P "],
        cwd=image.root,
    )

    assert set(found.split()) <= {"tmp", "var/tmp", "run/lock"}


def test_the_image_says_how_it_is_run_and_keeps_no_secret(image: Image) -> None:
    config = image.config

    assert config["User"] == f"{UID}:{UID}"
    assert config["Cmd"] == ["gunicorn", "-c", "config/gunicorn.py"]
    assert config["WorkingDir"] == "/app"
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert set(image.environment) == {
        *("PATH", "HOST", "PORT", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    assert image.environment["HOST"] == "0.0.0.0"  # noqa: S104  (an engine publishes it)
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "Countersign"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert labels["org.opencontainers.image.version"] == version


def test_one_decision_goes_through_all_four(desk: Contained, program: Program) -> None:
    desk.start("web", "poller", "sweeper")
    held = order("fraud", 1)

    arn = program.start(held)  # no worker runs: the sweeper started it
    review = program.review_of(held)  # the poller brought it
    assert desk.stop("sweeper") == [0]
    desk.start("worker")
    path = f"reviews/{review['id']}/decisions/"
    program.post(path, {"outcome": "approved"}, status=201)  # the web process took it
    delivered = program.delivered(review["id"])  # no sweeper runs: the worker delivered it

    assert delivered["delivery"]["detail"] == "acknowledged"
    assert desk.ended(arn)["status"] == "SUCCEEDED"
    assert desk.states(arn)[-1] == "OrderCompleted"
    assert desk.manage("verify_audit", "--review", review["id"]).startswith("1 chains verified, 0")


def test_all_four_run_side_by_side_and_nothing_in_them_is_root(
    desk: Contained, program: Program
) -> None:
    desk.start(*(name for name in PROCESSES if name not in desk.processes))
    held = order("fraud", 2)
    arn = program.start(held)
    review = program.review_of(held)
    rejection = {"outcome": "rejected", "reason": "Five cards in ten minutes."}
    program.post(f"reviews/{review['id']}/decisions/", rejection, status=201)
    program.delivered(review["id"])
    assert desk.ended(arn)["error"] == "OrderRejected"

    for name in PROCESSES:
        inside = desk.inside(name)
        assert inside, name
        for process in inside:
            status = status_of(process)
            assert status["Uid"].split() == status["Gid"].split() == [str(UID)] * 4, name
            assert not status["Groups"].split(), name
            assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, name


def test_style_and_script_are_served_from_what_the_build_collected(
    desk: Contained, program: Program
) -> None:
    browser = requests.Session()
    browser.headers["X-Forwarded-Proto"] = "https"
    page = browser.get(f"{desk.url}/accounts/login/", timeout=10)
    assert page.status_code == 200

    for name in re.findall(r'(?:href|src)="/static/([^"#]+)', page.text):
        collected = desk.image.root / "app" / "staticfiles" / name
        answer = browser.get(f"{desk.url}/static/{name}", timeout=10)
        assert (answer.status_code, answer.content) == (200, collected.read_bytes()), name
    assert "/static/approvals/app.css" in page.text
    style = browser.get(f"{desk.url}/static/approvals/app.css", timeout=10)
    assert style.headers["Content-Encoding"] == "gzip"  # compressed once, in the build


def test_the_health_check_is_that_of_the_web_process_and_all_stop_when_told(
    desk: Contained, program: Program
) -> None:
    kind, *probe = desk.image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    desk.start(*(name for name in PROCESSES if name not in desk.processes))

    def checked() -> int:
        command, environment = desk.contained(*probe), desk.environment
        return subprocess.run(command, env=environment, timeout=20, check=False).returncode

    assert checked() == 0
    for name in PROCESSES:
        assert desk.stop(name) == [0], name
    assert checked() == 1
