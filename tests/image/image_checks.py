"""`make image-test`: builds the image without Docker and sends a decision through its four processes.

Not run here: compose itself. Its commands, secrets and restrictions are what the processes get.
"""

from __future__ import annotations

import re
import subprocess
import tomllib

import requests

from local.order_traffic import order
from tests.desk import Program
from tests.image.buildah import Image, output_of
from tests.image.careless_checkout import CANARY
from tests.image.contained import PROCESSES, UID, Contained, status_of
from tests.paths import ROOT


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
    assert config["Cmd"] == ["python", "-m", "config.web"]
    assert config["WorkingDir"] == "/app"
    assert list(config["ExposedPorts"]) == ["8000/tcp", "8001/tcp"]
    assert set(image.environment) == {
        *("PATH", "HOST", "PORT", "PROBE_PORT", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    assert image.environment["HOST"] == "0.0.0.0"  # noqa: S104  (an engine publishes it)
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "Countersign"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert labels["org.opencontainers.image.version"] == version


def test_one_decision_goes_through_all_four(desk: Contained, program: Program) -> None:
    desk.run("web", "poller", "sweeper")
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
    desk.run(*PROCESSES)
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
    desk.run("web")
    browser = requests.Session()
    browser.headers["X-Forwarded-Proto"] = "https"
    page = browser.get(f"{desk.url}/accounts/login/", timeout=10)
    assert page.status_code == 200

    for name in re.findall(r'(?:href|src)="/static/([^"#]+)', page.text):
        collected = desk.image.root / "app" / "staticfiles" / name
        answer = browser.get(f"{desk.url}/static/{name}", timeout=10)
        assert (answer.status_code, answer.content) == (200, collected.read_bytes()), name
    hashed = re.search(r"/static/approvals/app\.[0-9a-f]{12}\.css", page.text)
    assert hashed
    style = browser.get(desk.url + hashed[0], timeout=10)
    assert style.headers["Content-Encoding"] == "gzip"  # compressed once, in the build
    assert "immutable" in style.headers["Cache-Control"]


def test_the_health_check_is_that_of_the_web_process_and_all_stop_on_sigterm(
    desk: Contained, program: Program
) -> None:
    kind, *probe = desk.image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    desk.run(*PROCESSES)

    def checked() -> int:
        command, environment = desk.contained(*probe), desk.environment
        return subprocess.run(command, env=environment, timeout=20, check=False).returncode

    assert checked() == 0
    for name in PROCESSES:
        assert desk.stop(name) == [0], name
    assert checked() == 1
