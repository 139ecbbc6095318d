"""Attacks with nothing but the right to send to a review queue."""

from __future__ import annotations

import base64
import gzip
import json
import random
import time
from collections import Counter
from functools import partial
from typing import Any

from tests.abuse import corpus
from tests.abuse.campaign.attack import (
    Answer,
    Attack,
    ask,
    judge,
    page,
    probes,
    taken_in,
    together,
    wait,
)
from tests.abuse.campaign.service import Service
from tests.abuse.corpus import MEGABYTE, QUARANTINE, REFUSED, REVIEW, Body
from tests.bench import machine
from tests.fake_aws.remote import ControlError

# Bytes of a page or of an API response but for the file of a payload: 256 KiB, each escaped in six characters.
LARGEST_PAGE = 6 * 256 * 1024 + 100_000
LARGEST_LIST = 400_000
UNESCAPED = (b"<script>alert", b"<svg onload", b"<img src=//sink", b"<base href", b"<iframe srcdoc")
MOST_REFUSALS = 4  # of a token that AWS calls invalid


def send_corpus(service: Service, scale: float, seed: int) -> Attack:
    """All bodies, each to its stated end; then every page, list and answer that shows one."""
    bodies = corpus.bodies()
    if scale < 1:
        bodies = random.Random(seed).sample(bodies, max(40, round(len(bodies) * scale)))
    attack = Attack("corpus", planned=len(bodies))
    sent: dict[str, Body] = {}
    for body in bodies:
        queue = "mapped" if body.is_mapped else "attacked"
        end = REFUSED
        try:
            (message,) = service.aws.send(service.urls[queue], [body.text])
            sent[message] = body
        except ControlError:
            attack.expect(body.outcome == end, f"{body.kind} {body.name}: SQS refused it")
            attack.happened += 1
    found = taken_in(service, list(sent), seconds=60 + 240 * scale)
    ends: Counter[str] = Counter()
    for message, body in sent.items():
        end, _ = found.get(message, ("nothing", ""))
        ends[end] += 1
        attack.expect(end == body.outcome, f"{body.kind} {body.name}: {end}, not {body.outcome}")
    attack.happened += len(found)
    attack.notes["ends"] = dict(ends)
    _look_at(service, attack, list(found.values()))
    return attack


def _look_at(service: Service, attack: Attack, rows: list[tuple[str, str]]) -> None:
    """Open whatever shows a hostile message, as a reviewer and as an operator."""
    calls = []
    for end, row in rows:
        if end == REVIEW:
            calls += [partial(page, service, "rita", f"/reviews/{row}/")]
            calls += [partial(_api, service, "rita", f"reviews/{row}/")]
        elif end == QUARANTINE:
            path = f"/admin/approvals/quarantinedmessage/{row}/change/"
            calls += [partial(page, service, "oscar", path)]
            calls += [partial(_api, service, "oscar", f"quarantine/{row}/")]
    answers = together(calls, 3)
    judge(attack, answers, "pages and answers", seconds=service.patience)
    shown = [answer.body for answer in answers[::2]]
    largest = max((len(body) for body in shown), default=0)
    attack.notes["largest page"] = f"{largest / 1000:.0f} kB"
    attack.expect(largest < LARGEST_PAGE, f"a page has {largest} bytes")
    for text in UNESCAPED:
        attack.expect(not any(text in body for body in shown), f"{text!r} stands in a page")
    _lists(service, attack)


def _lists(service: Service, attack: Attack) -> None:
    """The lists that hold hostile rows are whole, short, and hold no broken row."""
    paths = ("reviews/?page_size=200", "quarantine/?page_size=200")
    lists = [_api(service, "oscar", path) for path in paths for _ in range(3)]
    pages = [page(service, "rita", f"/queues/{name}/") for name in ("attacked", "mapped") * 3]
    pages += [
        page(service, "oscar", path) for path in ("/", "/leads/", "/admin/approvals/reviewtask/")
    ]
    judge(attack, [*lists, *pages], "lists", seconds=service.patience)
    largest = max(len(answer.body) for answer in [*lists, *pages])
    attack.expect(largest < LARGEST_LIST, f"a list has {largest} bytes")
    broken = sum(answer.body.count(b'"broken_row"') for answer in lists)
    broken += sum(answer.body.count(b"cannot be shown") for answer in pages)
    attack.expect(not broken, f"{broken} rows cannot be shown")


def _api(service: Service, name: str, path: str) -> Answer:
    return ask(service, "GET", f"/api/v1/{path}", service.headers(name))


def fill_with_megabytes(service: Service, scale: float, seed: int) -> Attack:
    """Messages of a megabyte: payloads, tokens of one letter, many values; then lists, pages and files of them."""
    count = max(3, round(50 * scale))
    attack = Attack("megabytes", planned=3 * count)
    deep = "[" * 58 + ",".join(["0"] * 300_000) + "]" * 58
    texts = []
    for number in range(count):
        name = f"megabyte {seed} {number}"
        texts.append(corpus.written(name, input={"note": "n" * (MEGABYTE - 2_000)}))
        texts.append(json.dumps({"taskToken": "b", "note": "b" * (MEGABYTE - 100)}))
        document = corpus.written(f"{name} deep", schemaVersion="9" if number % 2 else "1")
        texts.append(f'{document[:-1]}, "deep": {deep}}}')
    sent = [service.aws.send(service.urls["attacked"], [text])[0] for text in texts]
    found = taken_in(service, sent, seconds=60 + 120 * scale)
    attack.happened = len(found)
    probes(attack, service)
    _look_at(service, attack, list(found.values()))
    files = [f"/reviews/{row}/payload/" for end, row in found.values() if end == REVIEW]
    whole = together([partial(page, service, "rita", path) for path in files], 4)
    judge(attack, whole, "files", seconds=service.patience)
    return attack


def send_small_bombs(service: Service, scale: float, seed: int) -> Attack:
    """Messages of few kilobytes: a megabyte of values in gzip, texts of gzip, pointers to other buckets."""
    count = max(8, round(100 * scale))
    attack = Attack("small bombs", planned=3 * count)
    noise = (
        random.Random(seed).randbytes(6_000).hex()
    )  # what unpacks to over a hundred times its size is refused
    text = _zipped("0" * 65_000)
    texts = []
    for number in range(count):
        name = f"bomb {seed} {number}"
        token = corpus.message(name)["taskToken"]
        values = f'{{"taskToken": "{token}-v", "noise": "{noise}", "input": [{",".join(["[]"] * 250_000)}]}}'
        texts.append(_zipped(values))
        texts.append(_zipped(corpus.written(name, noise=noise, input=[text] * 4_000)))
        pointer = {"s3BucketName": f"of-others-{number}", "s3Key": "large"}
        texts.append(json.dumps(["software.amazon.payloadoffloading.PayloadS3Pointer", pointer]))
    longest = max(map(len, texts))
    attack.expect(longest < 20_000, f"a bomb has {longest} bytes")
    sent = [
        message
        for at in range(0, len(texts), 30)
        for message in service.aws.send(service.urls["attacked"], texts[at : at + 30])
    ]
    found = taken_in(service, sent, seconds=120 + 600 * scale)
    ends = Counter(end for end, _ in found.values())
    attack.happened = len(found)
    attack.notes["ends"] = dict(ends)
    attack.expect(ends == {REVIEW: 2 * count, QUARANTINE: count}, f"{dict(ends)} of {3 * count}")
    probes(attack, service)
    some = random.Random(seed).sample(list(found.values()), min(12, len(found)))
    _look_at(service, attack, some)
    return attack


def _zipped(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def open_backslashes(service: Service, scale: float, seed: int) -> Attack:
    """120,000 backslashes, and a megabyte of them, are opened from quarantine; the probe is asked meanwhile."""
    sizes = (120_000, MEGABYTE - 1_000) if scale >= 1 else (120_000,)
    attack = Attack("backslashes", planned=len(sizes) * 3)
    texts = ['{"a":"' + "\\" * size for size in sizes]
    sent = [service.aws.send(service.urls["attacked"], [text])[0] for text in texts]
    found = taken_in(service, sent, seconds=60)
    calls: list[Any] = []
    for _, row in found.values():
        calls.append(partial(_api, service, "oscar", f"quarantine/{row}/"))
        calls.append(
            partial(page, service, "oscar", f"/admin/approvals/quarantinedmessage/{row}/change/")
        )
        calls.append(partial(ask, service, "GET", "/healthz/live"))
    attack.happened = judge(attack, together(calls), "answers", seconds=service.patience)
    return attack


def name_regions(service: Service, scale: float, seed: int) -> Attack:
    """Execution ARNs of 60 regions that the queue is not in: reviews, flagged, and never asked after."""
    count = max(10, round(60 * scale))
    attack = Attack("regions", planned=count)
    texts = []
    for number in range(count):
        arn = f"arn:aws:states:xx-{seed % 90}-{number}:123456789012:execution:forged:e{number}"
        texts.append(corpus.written(f"xx {seed} {number}", executionArn=arn))
    found = taken_in(service, service.aws.send(service.urls["attacked"], texts), seconds=60)
    reviews = [row for end, row in found.values() if end == REVIEW]
    attack.happened = len(reviews)
    time.sleep(40 if scale >= 1 else 3)  # executions are asked after every 30 s
    asked = Counter(
        call["region"]
        for call in service.aws.log.calls()
        if call.get("region") not in (None, "eu-west-1")
    )
    attack.notes["asked elsewhere"] = sum(asked.values())
    attack.expect(not asked, f"AWS was asked in {dict(asked)}")
    return attack


def forge_tokens(service: Service, scale: float, seed: int) -> Attack:
    """2,500 forged tokens in a queue with heartbeats cost no honest token its own, by the fake's clock."""
    honest, forged = max(10, round(50 * scale)), max(150, round(2_500 * scale))
    attack = Attack("forged tokens", planned=forged)
    beat = service.notes["heartbeat"]
    orders = [
        service.aws.start(service.machines["beating"], f"B-{seed}-{n}", {}) for n in range(honest)
    ]
    tokens = [service.aws.tasks(order)[0]["token"] for order in orders]
    prints = {task["fingerprint"] for order in orders for task in service.aws.tasks(order)}
    wait(lambda: prints <= set(_beats(service)), beat)
    texts = [corpus.written(f"beat {seed} {number}", executionArn=None) for number in range(forged)]
    sent = [
        m
        for at in range(0, forged, 100)
        for m in service.aws.send(service.urls["beating"], texts[at : at + 100])
    ]
    attack.happened = len(taken_in(service, sent, seconds=60 + 240 * scale))
    time.sleep(beat * 2.5)
    closed = [token for token in tokens if service.aws.log.effect_of(token)]
    beats = _beats(service)
    known = {task["fingerprint"] for task in service.aws.tasks()}
    refused = {token: count for token, count in beats.items() if token not in known}
    attack.notes |= {
        "honest": honest,
        "closed": len(closed),
        "calls for forged": sum(refused.values()),
    }
    attack.expect(not closed, f"{len(closed)} of {honest} honest tokens missed their heartbeat")
    most = max(refused.values(), default=0)
    attack.expect(0 < most <= MOST_REFUSALS, f"a forged token was beaten {most} times")
    return attack


def repeat_one_execution(service: Service, scale: float, seed: int) -> Attack:
    """10,000 messages of one step of one execution: each batch costs the same, and each review a few events."""
    count = max(400, round(10_000 * scale))
    attack = Attack("one execution", planned=count)
    arn = service.aws.start(service.machines["attacked"], f"one-{seed}", {})
    ours = "SELECT count(*) FROM approvals_reviewtask WHERE execution_arn = %s"
    texts = [
        corpus.written(f"one {seed} {n}", executionArn=arn, stateMachineArn=service.machines["attacked"],
                       stateName="ManualReview", input={"total": 1})
        for n in range(count)
    ]  # fmt: skip
    costs, parts = [], 4
    for part in range(parts):
        some = texts[part * count // parts : (part + 1) * count // parts]
        roots = [service.others["poller"].pid, service.notes["postgres"]]
        before = machine.cpu_seconds(roots)
        for at in range(0, len(some), 100):
            service.aws.send(service.urls["attacked"], some[at : at + 100])
        there = (part + 1) * count // parts
        wait(partial(_reached, service, ours, arn, there), 120 + 600 * scale)
        costs.append((machine.cpu_seconds(roots) - before) * 1000 / len(some))
    attack.happened = min(count, service.count(ours, arn))
    events = service.count(
        "SELECT count(*) FROM approvals_auditevent e JOIN approvals_reviewtask r"
        " ON e.chain = 'review:' || r.id WHERE r.execution_arn = %s", arn,
    )  # fmt: skip
    attack.notes |= {
        "CPU ms a message, by quarters": [round(cost, 1) for cost in costs],
        "events a review": round(events / max(1, attack.happened), 2),
    }
    attack.expect(
        costs[-1] < 2 * costs[0],
        f"the last quarter cost {costs[-1] / costs[0]:.1f} times the first",
    )
    attack.expect(events < 3 * count, f"{events} audit events for {count} reviews")
    asked = [
        c for op in ("DescribeExecution", "GetExecutionHistory") for c in service.aws.log.calls(op)
    ]
    times = sum(call.get("execution") == arn for call in asked)
    attack.notes["asked after it"] = times
    attack.expect(times < 60 + count / 50, f"AWS was asked {times} times about one execution")
    return attack


def _reached(service: Service, query: str, parameter: str, number: int) -> bool:
    return service.count(query, parameter) >= number


def _beats(service: Service) -> Counter[str]:
    """How many heartbeats were sent for each token, by fingerprint."""
    calls = service.aws.log.calls("SendTaskHeartbeat")
    return Counter(call["token"] for call in calls if "token" in call)
