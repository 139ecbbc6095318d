"""Races: sixteen deciders of one review at the same moment, through every surface."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import requests
from django.conf import settings
from django.db import connection
from django.test import Client
from standardwebhooks import Webhook

from approvals.actions import credentials, decisions
from approvals.actors import COMMAND_LINE
from approvals.exceptions import AlreadyDecided
from approvals.models import Decision, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.polling import poller
from local.processes import dying_with_me, free_port
from tests import factories
from tests.conditions import wait_until
from tests.factories import actor
from tests.faults.report import Result
from tests.faults.stage import AT_ONCE, Stage, due_now
from tests.faults.truth import Breach
from tests.paths import ROOT
from tests.races import at_once

REVIEWS, DECIDERS = 200, 16
HEAD_START = 0.05  # seconds at most, for the form's longer way through the server
CSRF = "c" * 32
WON = {"form": 302, "api": 201, "webhook": 200}
Decide = Callable[[ReviewTask, str], int]


def campaign(stage: Stage, scale: float) -> Result:
    """200 reviews at scale 1, each decided by sixteen at once over the surfaces of a real web server."""
    rows = stage.reviews(max(5, round(REVIEWS * scale)))
    result = Result("races", planned=len(rows) * DECIDERS)
    seen: Counter[str] = Counter()
    with _web(stage) as url, ThreadPoolExecutor(DECIDERS) as pool:
        deciders = _deciders(stage, url)
        for row in rows:
            _refill()
            answers = _together(pool, deciders, row, stage)
            result.fired += len(answers)
            won = [surface for surface, status in answers if status == WON[surface]]
            seen.update(f"{surface} {status}" for surface, status in answers)
            if len(won) != 1:
                what = f"review {row.pk}: {len(won)} got a success for deciding it"
                result.breaches.append(Breach("I-5", what, "doubled" if len(won) > 1 else ""))
            odd = [a for a in answers if a[1] not in {409, WON[a[0]]}]
            result.breaches += [
                Breach("I-5", f"review {row.pk}: a loser at {surface} got {status}, not 409")
                for surface, status in odd
            ]
    result.breaches += _winners(stage, rows)
    result.notes = {"answers": dict(sorted(seen.items())), "deadlocks": _deadlocks()}
    if _deadlocks():
        result.breaches.append(Breach("I-5", f"{_deadlocks()} deadlocks"))
    return result


def by_verbs(stage: Stage, count: int) -> Result:
    """The same race without a server: six threads call the verbs; for safeguards that are taken away here."""
    rows = stage.reviews(count)
    result = Result("races", planned=count)
    for row in rows:
        calls = [
            lambda outcome=outcome, who=who, pk=row.pk: decisions.decide(
                pk, outcome, by=actor(who, "api"), request=AT_ONCE
            )
            for outcome in Outcome
            for who in (stage.ada, stage.bob, stage.lena)
        ]
        try:
            outcomes = at_once(calls)
        except Exception as error:  # noqa: BLE001  (anything but a refusal is what is looked for)
            what = f"a loser was not refused: {type(error).__name__}"
            result.breaches.append(Breach("I-5", what))
            continue
        finally:
            result.fired += 1
        lost = sum(isinstance(outcome, AlreadyDecided) for outcome in outcomes)
        if lost != len(calls) - 1:
            result.breaches.append(Breach("I-5", f"{lost} of {len(calls)} were refused"))
    result.breaches += _winners(stage, rows)
    return result


def _winners(stage: Stage, rows: list[ReviewTask]) -> list[Breach]:
    """One decision each, which is what AWS heard; then whatever the checker finds."""
    found = []
    for row in rows:
        stage.deliver(row)
        live = list(
            Decision.objects.filter(review=row, undone_at=None).values_list("pk", flat=True)
        )
        heard = stage.aws.log.winner(stage.token_of(row))
        if [str(pk) for pk in live] != [heard]:
            found.append(
                Breach("I-14", f"review {row.pk}: decided {live}, heard {heard or 'none'}")
            )
    return found + stage.judge()


def _together(
    pool: ThreadPoolExecutor, deciders: list[tuple[str, Decide]], row: ReviewTask, stage: Stage
) -> list[tuple[str, int]]:
    barrier = threading.Barrier(len(deciders))
    outcomes = [stage.rng.choice(["approved", "rejected"]) for _ in deciders]

    def go(decider: tuple[str, Decide], outcome: str) -> tuple[str, int]:
        barrier.wait(30)
        return decider[0], decider[1](row, outcome)

    return list(pool.map(go, deciders, outcomes))


# --- surfaces


def _deciders(stage: Stage, url: str) -> list[tuple[str, Decide]]:
    """Sixteen deciders, each a person of their own, spread over the surfaces."""
    surfaces: list[tuple[str, Callable[[Stage, str, User], Decide]]] = [
        ("form", _form),
        ("api", _api),
        ("webhook", _webhook),
    ]
    chosen = itertools.islice(itertools.cycle(surfaces), DECIDERS)
    return [
        (
            name,
            surface(stage, url, factories.user(f"decider{n}@example.com", "reviewer", stage.queue)),
        )
        for n, (name, surface) in enumerate(chosen)
    ]


def _form(_stage: Stage, url: str, user: User) -> Decide:
    browser = Client()
    browser.force_login(user)
    session = requests.Session()
    name = settings.SESSION_COOKIE_NAME
    session.cookies.set(name, browser.cookies[name].value)
    session.cookies.set(settings.CSRF_COOKIE_NAME, CSRF)

    def decide(row: ReviewTask, outcome: str) -> int:
        verb = "approve" if outcome == "approved" else "reject"
        answer = session.post(
            f"{url}/reviews/{row.pk}/{verb}/",
            {"csrfmiddlewaretoken": CSRF, "reason": "Seen."},
            allow_redirects=False,
            timeout=60,
        )
        return answer.status_code

    return decide


def _api(_stage: Stage, url: str, user: User) -> Decide:
    session = requests.Session()
    token = credentials.issue_token(user, "race", by=COMMAND_LINE)
    session.headers["Authorization"] = f"Bearer {token}"

    def decide(row: ReviewTask, outcome: str) -> int:
        time.sleep(random.uniform(0, HEAD_START))
        place = f"{url}/api/v1/reviews/{row.pk}/decisions/"
        return session.post(place, json={"outcome": outcome}, timeout=60).status_code

    return decide


def _webhook(stage: Stage, url: str, user: User) -> Decide:
    secret = credentials.issue_secret(f"race {user.email}", by=COMMAND_LINE)
    signer, session = Webhook(secret), requests.Session()

    def decide(row: ReviewTask, outcome: str) -> int:
        body = json.dumps(
            {
                "review_id": str(row.pk),
                "approved": outcome == "approved",
                "reviewer_email": user.email,
            }
        )
        identity, now = f"{row.pk}-{user.pk}", datetime.now(UTC)
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(identity, now, body),
            "Content-Type": "application/json",
        }
        place = f"{url}/api/v1/webhooks/decision/"
        return session.post(place, data=body, headers=headers, timeout=60).status_code

    return decide


@contextlib.contextmanager
def _web(stage: Stage) -> Iterator[str]:
    """The web server as it ships, with two processes, on this stage's database."""
    port = free_port()
    environment = os.environ | {
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DATABASE_POOL_SIZE": "12",
        "LOG_LEVEL": "CRITICAL",
    }
    url = f"http://127.0.0.1:{port}"
    with (stage.folder / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.web"],
            cwd=ROOT,
            env=environment,
            stderr=log,
            preexec_fn=dying_with_me(),  # noqa: PLW1509
        )
    try:
        wait_until(lambda: _answers(url), seconds=60, what="the web process")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz/ready", timeout=5).ok
    except requests.RequestException:
        return False


def _refill() -> None:
    """Nobody is throttled here: it is not the limits that are tried."""
    due_now("false")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_ratebucket")


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def two_pollers(stage: Stage, count: int) -> Result:
    """Two pollers, one message many times: for safeguards of intake that are taken away here."""
    queue = stage.more_queue("twice", sqs={"VisibilityTimeout": "0"})
    stage.aws.queue_faults(queue.sqs_url, copies=4, returns=1)
    stage.start(count, "twice")
    result = Result("duplicates", planned=count)
    until = time.monotonic() + 30
    while stage.aws.queue_state(queue.sqs_url)["messages"] and time.monotonic() < until:
        result.fired += poller.poll_once(queue, wait_seconds=0)
    result.breaches = stage.judge(slugs=("twice",))
    return result
