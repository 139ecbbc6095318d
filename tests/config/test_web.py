"""The web process: its settings, its connections, and the counters that its workers share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.config.bare_environment import assert_one_line, run

CHECK = [sys.executable, "-m", "config.web", "--check-config"]


@pytest.mark.parametrize(
    ("name", "value"), [("SECRET_KEY", None), ("DATABASE_URL", "sqlite:///x"), ("PORT", "http")]
)
def test_the_web_process_stops_with_one_line_that_names_the_setting(
    name: str, value: str | None
) -> None:
    assert_one_line(run({name: value}, CHECK), name)


@pytest.mark.parametrize(("given", "size"), [(None, "10"), ("4", "4")])
def test_the_web_process_shares_connections_and_the_operator_may_choose_how_many(
    given: str | None, size: str
) -> None:
    script = (
        "from config import web, settings;print(settings.DATABASE['OPTIONS']['pool']['max_size'])"
    )

    assert run({"DATABASE_POOL_SIZE": given}, [sys.executable, "-c", script]).stdout.strip() == size


def test_granian_gets_the_address_the_processes_and_the_deadline() -> None:
    script = (
        "from config import web; found = web.server();"
        "print(found.bind_addr, found.bind_port, found.workers,"
        " found.http1_settings.header_read_timeout)"
    )
    given: dict[str, str | None] = {
        "HOST": "0.0.0.0",  # noqa: S104
        "PORT": "8123",
        "WEB_CONCURRENCY": "2",
        "WEB_HEAD_SECONDS": "7",
    }

    assert run(given, [sys.executable, "-c", script]).stdout.strip() == "0.0.0.0 8123 2 7000"


@pytest.mark.parametrize("named", [None, "here"])
def test_the_counters_of_the_workers_have_a_folder(named: str | None) -> None:
    script = (
        "import os; from config import web; made = web.shared_counters();"
        "print(made, os.environ['PROMETHEUS_MULTIPROC_DIR'])"
    )
    done = run({"PROMETHEUS_MULTIPROC_DIR": named}, [sys.executable, "-c", script])
    made, used = done.stdout.split()

    if named:
        assert (made, used) == ("None", named)
    else:
        assert made == used
        assert Path(made).stat().st_mode & 0o777 == 0o700
        Path(made).rmdir()


def test_pages_and_api_need_no_client_of_aws() -> None:
    program = (
        "import sys, config.rsgi, config.urls;"
        "print([name for name in ('boto3', 'botocore', 'approvals.gateways.aws') if name in sys.modules])"
    )
    done = run({}, [sys.executable, "-c", program])

    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("broker", "client"),
    [(None, "config.wake_up_queue"), ("redis://127.0.0.1:1/0", ""), ("unknown://127.0.0.1", "")],
)
def test_workers_are_forked_when_all_is_imported_and_nothing_is_connected(
    broker: str | None, client: str
) -> None:
    program = (
        "import gc, sys, threading; from config import web; web.preload();"
        "from django.db import connections;"
        "print('approvals.web.urls' in sys.modules, gc.get_freeze_count() > 100_000,"
        " threading.active_count(), connections['default'].connection,"
        " 'config.wake_up_queue' if 'config.wake_up_queue' in sys.modules else '')"
    )
    done = run({"CELERY_BROKER_URL": broker}, [sys.executable, "-c", program])

    assert done.stdout.strip() == f"True True 1 None {client}".strip(), done.stderr
