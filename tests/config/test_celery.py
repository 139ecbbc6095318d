"""Celery's application: a wrong setting stops it with one line, and logging is left to the settings."""

from __future__ import annotations

import os
import sys

import pytest
from celery import current_app
from celery.signals import setup_logging

import config
from approvals.records import wake_ups
from tests import database
from tests.config.bare_environment import assert_one_line, run


def test_celery_stops_with_one_line_that_names_the_setting() -> None:
    worker = [sys.executable, "-m", "celery", "-A", "config", "worker"]
    assert_one_line(run({"SECRET_KEY": None}, worker), "SECRET_KEY")


def test_the_services_application_is_the_current_one_and_its_worker_finds_the_tasks() -> None:
    assert current_app.conf is config.celery.conf

    config.celery.loader.import_default_modules()  # as a worker does when it starts

    assert {wake_ups.DELIVER, wake_ups.CHECK} <= set(config.celery.tasks)


def test_a_worker_imports_neither_pages_nor_the_api() -> None:
    program = (
        "import sys; from config import celery; celery.loader.import_default_modules();"
        "print([name for name in sys.modules if name.startswith(('approvals.web', 'approvals.api.'))])"
    )
    done = run({}, [sys.executable, "-c", program])

    assert done.stdout.strip() == "[]", done.stderr


def test_a_worker_takes_more_wake_ups_at_a_time_than_a_small_machine_has_processors() -> None:
    conf = config.celery.conf
    at_a_time = conf.worker_concurrency * conf.worker_prefetch_multiplier

    assert at_a_time == 8


def test_celery_leaves_logging_to_the_settings() -> None:
    answers = setup_logging.send(sender=None)  # Celery sets up its own only if nobody answers

    assert [answer for _, answer in answers] == [None]


@pytest.mark.parametrize("pool_size", ["0", "2"])
def test_a_hundred_tasks_share_database_sessions(pool_size: str, django_db_setup: None) -> None:
    name = f"sessions_{os.getpid()}"
    try:
        url = database.clone(name)
        changes = {"DATABASE_URL": url, "DATABASE_POOL_SIZE": pool_size}
        done = run(changes, [sys.executable, "-m", "tests.config.hundred_tasks"])
    finally:
        database.drop(name)

    tasks, _, sessions, _ = done.stdout.splitlines()[-1].split()
    assert (tasks, done.returncode) == ("100", 0), done.stderr
    assert int(sessions) <= 3
