"""An export of 100,000 reviews whose reader is slow: it arrives whole, and the process holds little of it."""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from approvals.web.review_export import MAX_ROWS
from tests.abuse import served
from tests.abuse.served import Web
from tests.abuse.test_slow_readers import memory
from tests.paths import ROOT

LIST = "/queues/manual-review/"
ROWS, FEW = MAX_ROWS, 2_000
MIB = 2**20
HELD = (
    12 * MIB
)  # of a file of more than 40: pieces of the database's answers, and what Python keeps
PAUSES = 20
PEOPLE = """
from django.db import connection
from django.test import Client
from approvals.actions import people
from approvals.actors import COMMAND_LINE
from approvals.models import ReviewTask
from tests import factories
queue = factories.queue()
ada = factories.user("ada@example.com")
people.grant(ada, queue.slug, "viewer", by=COMMAND_LINE)
factories.review(queue)
new = {{
    "id": "gen_random_uuid()",
    "token_fingerprint": "sha256(number::text::bytea)",
    "reference": "'R-' || number",
    "title": "repeat('long title ', 18)",
    "deadline_at": "deadline_at + interval '1 day' + number * interval '1 second'",
    "error_name": "CASE WHEN number <= {few} THEN 'Rare' ELSE error_name END",
}}
names = [field.column for field in ReviewTask._meta.concrete_fields]
listed = ", ".join(f'"{{name}}"' for name in names)
values = ", ".join(new.get(name, f'"{{name}}"') for name in names)
with connection.cursor() as cursor:
    cursor.execute("SET statement_timeout = 0")
    cursor.execute(
        f"INSERT INTO approvals_reviewtask ({{listed}}) SELECT {{values}}"
        " FROM approvals_reviewtask, generate_series(1, {more}) AS number"
    )
    cursor.execute("ANALYZE approvals_reviewtask")
browser = Client()
browser.force_login(ada)
print(browser.cookies["countersign"].value)
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web process on a queue of ROWS open reviews, and the session of somebody who sees it."""
    with served.web(tmp_path_factory.mktemp("web")) as made:
        script = PEOPLE.format(few=FEW, more=ROWS - 1)
        shell = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
        done = subprocess.run(
            shell, cwd=ROOT, env=made.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        made.session = done.stdout.split()[-1]
        yield made


@contextlib.contextmanager
def export(web: Web, **filters: str) -> Iterator[http.client.HTTPResponse]:
    """The answer to a posted export of the queue's list, of which nothing has been read."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)) as line:
        cookie = f"countersign={web.session}"
        line.request("GET", LIST, headers={"Cookie": cookie})
        page = line.getresponse()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
        assert token is not None
        named = page.headers.get_all("Set-Cookie", [])
        headers = {
            "Cookie": "; ".join([cookie, *(each.split(";")[0] for each in named)]),
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": web.environment["PUBLIC_URL"],
        }
        body = urlencode({"csrfmiddlewaretoken": token[1], **filters})
        line.request("POST", f"{LIST}export/", body, headers)
        with line.getresponse() as response:
            assert response.status == 200
            yield response


class Watch(threading.Thread):
    """Looks at the memory of the web process ten times a second; `most` is the most that it had."""

    def __init__(self, web: Web) -> None:
        super().__init__(daemon=True)
        self.web, self.most, self.ended = web, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            self.most = max(self.most, memory(self.web))


@pytest.mark.campaign
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"
)
def test_a_long_export_is_made_as_it_is_read_and_takes_little_memory(web: Web) -> None:
    assert ROWS == 100_000
    with export(web, error="Rare") as response:  # what is compiled once is compiled
        few = response.read()
    assert few.count(b"\r\n") == FEW + 1
    before = memory(web)
    watch = Watch(web)
    watch.start()

    with export(web) as response:
        parts = []
        for _pause in range(PAUSES):
            parts.append(response.read(MIB))
            time.sleep(0.5)
        assert web.page().status == 200  # the others are served meanwhile
        parts.append(response.read())
    watch.ended.set()
    watch.join()

    whole = b"".join(parts)
    ids = [row["id"] for row in csv.DictReader(io.StringIO(whole.decode()))]
    assert len(ids) == len(set(ids)) == ROWS
    assert len(whole) > 3 * HELD
    held = watch.most - before
    assert held < HELD, f"{held:,} of {len(whole):,} bytes"
