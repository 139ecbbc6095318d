"""A demo of dummy processes: `python dummy_demo.py ROOT BEHAVIOUR`, with a real PostgreSQL.

With an empty BEHAVIOUR the AWS account is real too; otherwise a process that does nothing replaces it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

from local.aws import Account
from local.processes import dying_with_me
from local.supervisor import child_processes, demo
from local.supervisor.programs import Program
from local.supervisor.seed import Issued, Person

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


def run_python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def seed(environment: Mapping[str, str], people: Sequence[Person], log: Path) -> Issued:
    log.write_text(f"{environment['DATABASE_URL']}\n")
    return Issued("the-token", "whsec_of-the-demo")


def start_nothing(demo: object, logs: Path, cleanup: ExitStack) -> tuple[Account, dict[str, str]]:
    process = Popen(run_python(SLEEP), preexec_fn=dying_with_me())  # noqa: PLW1509 - one thread here
    account = Account(process, "http://127.0.0.1:5")
    cleanup.callback(account.stop)
    return account, {
        "CeleryQueueUrl": "c",
        "ReviewQueueUrl": "r",
        "StateMachineArn": "arn",
        "StateMachineAliasArn": "arn:live",
    }


if __name__ == "__main__":
    behaviour = sys.argv[2]
    child_processes._PAUSE_SECONDS = 0.1
    child_processes._MAX_RESTARTS = 2
    if behaviour:
        demo._start_aws = start_nothing
    programs = (
        Program("web", run_python(CRASH if behaviour == "no-web" else WEB)),
        Program("worker", run_python(STUBBORN), grace=0.3),
        Program("traffic", run_python(CRASH if behaviour == "crash" else SLEEP), needs_web=True),
    )
    sys.exit(demo.run(root=Path(sys.argv[1]), programs=programs, seed=seed))
