"""A demo of dummy processes: `python dummy_demo.py ROOT BEHAVIOUR`, with a real PostgreSQL.

BEHAVIOUR says what is real beside it and what goes wrong:

- `full`: the AWS account is real, and the shipped workflow is deployed into it;
- `account`: the AWS account is real and empty;
- `light`: a process that does nothing replaces the account, as in the next two;
- `no-web`: the web process ends at once;
- `crash`: the traffic process ends again and again.

Where CLUSTER names a fresh PostgreSQL cluster, a copy of it saves the time of initdb.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

from local import aws, postgres
from local.processes import dying_with_me
from local.supervisor import child_processes, demo
from local.supervisor.demo_data import Issued, Person
from local.supervisor.programs import Program
from tests.local.clusters import copy_cluster

LIKE_GUNICORNS_WORKER = """
import os, sys, time
while os.getppid() == int(sys.argv[1]):
    time.sleep(0.1)
"""
WEB = f"""
LIKE_GUNICORNS_WORKER = {LIKE_GUNICORNS_WORKER!r}
import http.server, os, subprocess, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"results": [{{"id": "review-1"}}]}}')
    def log_message(self, *_): pass
helper = subprocess.Popen([sys.executable, "-c", LIKE_GUNICORNS_WORKER, str(os.getpid())])
print("helper", helper.pid, "shell", os.environ.get("AWS_PROFILE"), flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""
SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
CRASH = "print('out of paper', flush=True); raise SystemExit(3)"
OUTPUTS = {
    "CeleryQueueUrl": "c",
    "ReviewQueueUrl": "r",
    "StateMachineArn": "arn",
    "StateMachineAliasArn": "arn:live",
}
_create_cluster = postgres._create_cluster


def run_python(code: str) -> tuple[str, ...]:
    """The command line that runs this code."""
    return (sys.executable, "-c", code)


def seed(environment: Mapping[str, str], people: Sequence[Person], log: Path) -> Issued:
    """Prepare nothing; write the URL of the database to `log`."""
    log.write_text(f"{environment['DATABASE_URL']}\n")
    return Issued("the-token", "whsec_of-the-demo")


def start_nothing(
    demo: object, logs: Path, cleanup: ExitStack
) -> tuple[aws.Account, dict[str, str]]:
    """Start a process that does nothing in place of the account."""
    process = Popen(run_python(SLEEP), preexec_fn=dying_with_me())  # noqa: PLW1509 - one thread here
    account = aws.Account(process, "http://127.0.0.1:5")
    cleanup.callback(account.stop)
    return account, OUTPUTS


def start_empty_account(
    demo: object, logs: Path, cleanup: ExitStack
) -> tuple[aws.Account, dict[str, str]]:
    """Start the account and deploy nothing into it."""
    account = aws.start(log=logs / "aws.log")
    cleanup.callback(account.stop)
    return account, OUTPUTS


def copy_or_create_cluster(data: Path, launcher: postgres._Launcher) -> None:
    """Copy the cluster that CLUSTER names, if `data` has none yet."""
    source = os.environ.get("CLUSTER")
    if source and not data.exists():
        copy_cluster(Path(source), data)
    _create_cluster(data, launcher)


if __name__ == "__main__":
    behaviour = sys.argv[2]
    child_processes._PAUSE_SECONDS = 0.1
    postgres._create_cluster = copy_or_create_cluster
    if behaviour == "account":
        demo._start_aws = start_empty_account
    elif behaviour != "full":
        demo._start_aws = start_nothing
    programs = (
        Program("web", run_python(CRASH if behaviour == "no-web" else WEB)),
        Program("worker", run_python(STUBBORN), grace=0.3),
        Program("traffic", run_python(CRASH if behaviour == "crash" else SLEEP), needs_web=True),
    )
    sys.exit(demo.run(root=Path(sys.argv[1]), programs=programs, seed=seed))
