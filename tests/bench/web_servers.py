"""`python -m tests.bench.web_servers [SERVER ...]`: the web process under several servers, side by side.

The figures of docs/decisions/0014-web-server.md. All servers serve `config.wsgi` with production's
settings from one process with 64 threads, on one database of 1,000 reviews, and are up at once; what
is compared by CPU time takes turns, so that a busy machine is the same for all.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from local.postgres import Server
from local.processes import free_port
from tests.bench import harness
from tests.bench.harness import Bench, Meter
from tests.bench.machine import pss_mb
from tests.bench.processes import HEADERS, HOST, Process
from tests.bench.rows import median, percentile
from tests.paths import ROOT

GUNICORN = (
    "gunicorn --no-control-socket --logger-class config.logging.GunicornLogger"
    " -k gthread --threads 64 --graceful-timeout 5 --bind 127.0.0.1:{port} {more} config.wsgi"
)
GRANIAN = (
    "granian --http 1 --no-ws --workers-kill-timeout 5 --http1-header-read-timeout 10000"
    " --log-level warning --port {port}"
)
SERVERS = {
    "gunicorn gthread": GUNICORN.replace("{more}", ""),
    "gunicorn gthread, C parser": GUNICORN.replace("{more}", "--http-parser fast"),
    "granian WSGI": f"{GRANIAN} --interface wsgi --blocking-threads 64 config.wsgi:application",
    "granian ASGI": f"{GRANIAN} --interface asgi --loop uvloop tests.bench.asgi:application",
    "granian RSGI": f"{GRANIAN} --interface rsgi --loop uvloop tests.bench.streaming:application",
    "waitress": (
        "waitress-serve --threads 64 --connection-limit 4000 --asyncore-use-poll"
        " --no-clear-untrusted-proxy-headers --listen 127.0.0.1:{port} config.wsgi:application"
    ),
}
SLOW, STREAMS = 500, 300
LIMIT = 20.0  # seconds after which a probe counts as silent
HALF_HEAD = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode()
HALF_BODY = (
    f"POST /api/v1/webhooks/decision/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n"
    "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
).encode()
EVENTS = f"GET /events HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
Row = dict[str, Any]


def start(bench: Bench, name: str) -> Process:
    """Start a server of SERVERS on the bench's database, and wait until it is ready."""
    port = free_port()
    command = SERVERS[name].format(port=port).split()
    env = bench.environment(
        bench.small,
        PORT=str(port),
        HOST="127.0.0.1",
        DATABASE_POOL_SIZE="10",
        ORDER_FULFILLMENT_STATE_MACHINE_ARN="arn:aws:states:us-east-1:123456789012:stateMachine:o",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    process = Process.start(command, env, bench.log(name.replace(" ", "-")), port=port)
    process.wait_until_ready("/healthz/ready")
    return process


def ordinary(bench: Bench, running: dict[str, Process]) -> dict[str, Row]:
    """CPU ms of the server and p50/p99 of a page and of a refusal, one at a time and sixteen at once."""
    page = {"Cookie": bench.small.cookies[0]}
    loads = {
        "page": ["GET", "/", page, None],
        "refusal": ["GET", "/api/v1/queues/", {}, None],
    }
    found: dict[str, Row] = {name: {} for name in running}
    for what, request in loads.items():
        for threads in (1, 16):
            seen: dict[str, list[Any]] = {name: [] for name in running}
            for turn in range(bench.runs + 1):
                for name, process in running.items():
                    plan = {"threads": threads, "requests": [request] * (20 + 60 * bool(turn))}
                    load, spent = bench.metered(process, plan)
                    if turn:
                        seen[name].append((spent.server, load.durations))
            for name, runs in seen.items():
                waits = [wait for _, durations in runs for wait in durations]
                found[name] |= {
                    f"{what} c={threads} CPU ms": median(cpu for cpu, _ in runs),
                    f"{what} c={threads} p50": percentile(waits, 50),
                    f"{what} c={threads} p99": percentile(waits, 99),
                }
    return found


@contextlib.contextmanager
def held(port: int, text: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Hold so many connections open, each of which has sent this text."""
    lines: list[socket.socket] = []
    try:
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
            line.sendall(text)
            lines.append(line)
        yield lines
    finally:
        for line in lines:
            line.close()


def seconds(port: int, path: str, headers: dict[str, str]) -> float | None:
    """Seconds until a GET is answered 200 on a new connection; None after LIMIT."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    began = time.monotonic()
    try:
        connection.request("GET", path, headers=HEADERS | headers)
        response = connection.getresponse()
        response.read()
        return time.monotonic() - began if response.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def slow_clients(bench: Bench, process: Process) -> Row:
    """Seconds of a page and of the probe with half heads, and with half bodies, held open."""
    page, found = {"Cookie": bench.small.cookies[0]}, {}
    for what, text in (("heads", HALF_HEAD), ("bodies", HALF_BODY)):
        with held(process.port, text, SLOW):
            time.sleep(1)
            found[f"{SLOW} half {what}: live s"] = seconds(process.port, "/healthz/live", {})
            found[f"{SLOW} half {what}: page s"] = seconds(process.port, "/", page)
        time.sleep(1)
        seconds(process.port, "/healthz/live", {})
    return found


def hung_up(process: Process) -> Row:
    """Seconds after which the server ends a half head and a half body that say nothing more."""
    found: Row = {}
    for what, text in (("head", HALF_HEAD), ("body", HALF_BODY)):
        with held(process.port, text, 1) as (line,):
            line.settimeout(40)
            began = time.monotonic()
            with contextlib.suppress(OSError):
                line.recv(100)
            found[f"half {what} ended after s"] = time.monotonic() - began
    with held(process.port, f"GET /healthz/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), 1) as (
        line,
    ):
        line.settimeout(80)
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while line.recv(1000):
                pass
        found["idle connection ended after s"] = time.monotonic() - began
    return found


def streams(bench: Bench, process: Process) -> Row:
    """A page while 300 event streams are open and idle."""
    before = pss_mb(process.pid)
    with held(process.port, EVENTS, STREAMS) as lines:
        heads = 0
        for line in lines:
            line.settimeout(3)
            with contextlib.suppress(OSError):
                heads += line.recv(1000).startswith(b"HTTP/1.1 200")
            if heads == 0:
                break  # it has none
        page = seconds(process.port, "/", {"Cookie": bench.small.cookies[0]})
        meter = Meter(process.pid, process.pid)
        time.sleep(5)
        return {
            "streams open": heads,
            "streams: page s": page,
            "streams: CPU ms/s": meter.per(meter.seconds).server,
            "PSS MB": before,
            "PSS MB with streams": pss_mb(process.pid),
        }


def shutdown(bench: Bench, process: Process) -> Row:
    """SIGTERM while a request is under way and a half body is open."""
    answer: list[Any] = []
    headers = {
        "Authorization": f"Bearer {bench.small.tokens[0]}",
        "Content-Type": "application/json",
    }

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=LIMIT)
        try:
            connection.request(
                "POST",
                "/api/v1/orders/",
                json.dumps({"order_id": f"o-{time.time()}"}),
                HEADERS | headers,
            )
            answer.append(connection.getresponse().status)
        except OSError as error:
            answer.append(type(error).__name__)

    with held(process.port, HALF_BODY, 1):
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.7)
        began = time.monotonic()
        process.popen.send_signal(signal.SIGTERM)
        process.popen.wait(60)
        ended = time.monotonic() - began
        thread.join()
    return {"SIGTERM: request under way": answer[0], "SIGTERM: ended after s": ended}


def logs(bench: Bench, name: str) -> Row:
    """How many lines of the log are JSON with a request's id, are JSON, are neither."""
    kinds = {"requests": 0, "JSON": 0, "other": 0}
    for line in bench.log(name.replace(" ", "-")).read_text().splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            kinds["other"] += 1
        else:
            kinds["requests" if "request_id" in fields else "JSON"] += 1
    return {"log lines": kinds}


def main() -> int:
    """Measure and write var/web-servers.json, which is printed, too."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.web_servers", description=__doc__)
    parser.add_argument("servers", nargs="*", help="only these; none: all of them")
    parser.add_argument("--runs", type=int, default=3, help="turns, of which the median")
    asked = parser.parse_args()
    folder = ROOT / "var" / f"web-servers-{os.getpid()}"
    server = Server.start(folder / "postgres", durable=True)
    try:
        harness.django_ready(server.url)
        from approvals.actions import people  # noqa: PLC0415  (they need Django)
        from approvals.actors import COMMAND_LINE  # noqa: PLC0415
        from approvals.models import User  # noqa: PLC0415
        from tests.bench import population  # noqa: PLC0415

        bench = Bench("1k", asked.runs, folder, server, population.seeded)
        assert bench.small
        for person in User.objects.all():  # the request that is under way waits for an order
            people.grant_site(person, "orders", by=COMMAND_LINE)
        found = measured(bench, asked.servers or list(SERVERS))
    finally:
        server.stop()
    text = json.dumps(found, indent=2)
    (ROOT / "var" / "web-servers.json").write_text(text)
    sys.stdout.write(text + "\n")
    return 0


def measured(bench: Bench, names: list[str]) -> dict[str, Row]:
    """All measurements of these servers; each is stopped when its own have been made."""
    running = {name: start(bench, name) for name in names}
    try:
        found = ordinary(bench, running)
        for name, process in running.items():
            found[name] |= streams(bench, process) | slow_clients(bench, process)
            found[name] |= hung_up(process) | shutdown(bench, process) | logs(bench, name)
    finally:
        for process in running.values():
            process.stop()
        bench.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
