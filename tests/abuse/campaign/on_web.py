"""Attacks on the web process, most of them without a login."""

from __future__ import annotations

import base64
import hmac
import http.cookies
import json
import re
import socket
import time
from functools import partial
from urllib.parse import urlencode

from tests.abuse.api_bodies import BODIES
from tests.abuse.campaign.attack import (
    Answer,
    Attack,
    ask,
    holding,
    judge,
    page,
    probes,
    taken_in,
    together,
)
from tests.abuse.campaign.service import PASSWORD, Service
from tests.abuse.corpus import written
from tests.bench.processes import HOST

HEAD = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode()
BODY = (
    f"POST /api/v1/webhooks/decision/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n"
    "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
).encode()
# One wave is over before the honest reviewer has asked often enough for a p99; three are as many requests as one
# token may send in a minute.
SENDERS, WAVES_OF_EACH = ("oscar", "olga"), 3
POSTS = (
    "reviews/{id}/decisions/",
    "reviews/{id}/comments/",
    "reviews/{id}/reassign/",
    "orders/",
    "queues/attacked/next/",
)
CURSORS = (
    "p+2026-01-01T00:00:00+23:59,x",
    "2026-01-01T00:00:00+23:59",
    "WyJuIl0",
    "A:B",
    ":",
    "\0",
    "%00",
    "9" * 5_000,
    "-1",
    "NaN",
    "\u202e",
    "(a+)+$",
    "[]",
    "null",
    "AAAA" * 2_000,
)


def hold_sockets(service: Service, scale: float, seed: int) -> Attack:
    """500 half requests, heads and bodies: a signed-in person's page and the probes are answered."""
    count = max(50, round(250 * scale))
    attack = Attack("slow sockets", planned=2 * count)
    seconds = 40 * min(1.0, scale) + 3  # the p99 of fewer requests is the slowest of them
    answers: list[Answer] = []
    with holding(service, HEAD, count) as heads, holding(service, BODY, count) as slow:
        attack.happened = heads + slow
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answers.append(page(service, "rita", "/"))
            probes(attack, service)
            time.sleep(0.5)
    judge(attack, answers, "pages", seconds=service.patience)
    return attack


def post_orders(service: Service, scale: float, seed: int) -> Attack:
    """120 orders at once while AWS is silent, six times: most are accepted at once, no other request waits."""
    count = max(40, round(120 * scale))
    waves = (SENDERS * WAVES_OF_EACH)[: max(1, round(len(SENDERS) * WAVES_OF_EACH * scale))]
    attack = Attack("orders", planned=count * len(waves))
    answers: list[Answer] = []
    service.aws.switch("StartExecution", "stalled", 5.0)
    try:
        for wave, sender in enumerate(waves):
            headers = service.headers(sender, **{"Content-Type": "application/json"})
            names = (f"O-{seed}-{wave}-{number}" for number in range(count))
            bodies = [json.dumps({"order_id": name}) for name in names]
            calls = [
                partial(ask, service, "POST", "/api/v1/orders/", headers, body) for body in bodies
            ]
            calls.insert(count // 2, partial(ask, service, "GET", "/healthz/live"))
            answers += together(calls, count)
            probe = answers.pop(count // 2 - len(calls))
            attack.expect(probe.seconds < service.patience, f"a probe took {probe.seconds:.1f} s")
        probes(attack, service)
    finally:
        service.aws.switch("StartExecution", None)
    attack.happened = judge(attack, answers, "orders", seconds=3 * service.patience)
    attack.expect({a.status for a in answers} <= {201, 202}, "an order was refused")
    return attack


def guess_passwords(service: Service, scale: float, seed: int) -> Attack:
    """Wrong passwords from elsewhere and 330 cheap requests: Rita's own device is never shut out, guessing is."""
    attack = Attack("passwords", planned=30 + 330)
    device = _Device(service, "203.0.113.10")
    attack.expect(device.sign_in("rita", PASSWORD).status == 302, "Rita could not sign in at first")
    stranger = "198.51.100.{}"
    wrong = [
        _Device(service, stranger.format(number % 5)).sign_in("rita", f"wrong {number}")
        for number in range(30)
    ]
    cheap = [
        partial(
            ask,
            service,
            "POST",
            "/accounts/password/reset/key/1-set-password/",
            {"X-Forwarded-For": f"192.0.2.{n % 250}"},
            "x",
        )
        for n in range(330)
    ]
    attack.happened = judge(
        attack, [*wrong, *together(cheap)], "requests", seconds=service.patience
    )
    host = "//a" + "\u0301\u0316" * 80_000  # took 25 s before it was cut
    busy = _Device(service, stranger.format(9)).sign_in("nobody", "wrong", next=host)
    judge(attack, [busy], "a sign-in with a long host", seconds=service.patience)
    refused = [answer for answer in wrong if answer.status == 429]
    attack.notes["refused guesses"] = len(refused)
    attack.expect(refused, "guessing was never refused")
    attack.expect(
        all("retry-after" in answer.headers for answer in refused), "a 429 has no Retry-After"
    )
    late = _Device(service, stranger.format(1)).sign_in("rita", "wrong again")
    attack.expect(late.status == 429, f"cheap requests have erased the counters: {late.status}")
    again = device.sign_in("rita", PASSWORD)
    attack.expect(again.status == 302, f"Rita's own device was answered {again.status}")
    return attack


class _Device:
    """A browser with an address and cookies of its own."""

    def __init__(self, service: Service, address: str) -> None:
        self.service, self.cookies = service, http.cookies.SimpleCookie()
        self.headers = {"X-Forwarded-For": address, "Referer": f"https://{HOST}/accounts/login/"}

    def sign_in(self, name: str, password: str, **more: str) -> Answer:
        """Fill in the form; the session is forgotten, the device's own cookie is not."""
        shown = self._ask("GET", None)
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', shown.body)
        token = found[1].decode() if found else ""
        typed = {"login": f"{name}@example.com", "password": password, "csrfmiddlewaretoken": token}
        typed |= more
        answer = self._ask("POST", urlencode(typed))
        for key in [key for key in self.cookies if "device" not in key]:
            del self.cookies[key]
        return answer

    def _ask(self, method: str, body: str | None) -> Answer:
        cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in self.cookies.items())
        headers = self.headers | ({"Cookie": cookie} if cookie else {})
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        answer = ask(self.service, method, "/accounts/login/", headers, body)
        for line in answer.cookies:
            self.cookies.load(line)
        return answer


def forge_webhooks(service: Service, scale: float, seed: int) -> Attack:
    """Signatures of nobody, of another time, of another body: refused, and nothing is decided."""
    review = _review(service, f"webhook {seed}", "attacked")
    fields = {"review_id": review, "approved": True, "reviewer_email": "rita@example.com"}
    raw = json.dumps(fields).encode()
    forged = list(_forgeries(service.secret, raw))
    attack = Attack("webhooks", planned=len(forged))
    path = "/api/v1/webhooks/decision/"
    answers = [
        ask(service, "POST", path, {"Content-Type": "application/json", **headers}, body)
        for headers, body in forged
    ]
    attack.happened = judge(attack, answers, "forgeries", seconds=service.patience)
    attack.expect(all(400 <= a.status < 500 for a in answers), "a forgery was not refused")
    decided = service.count("SELECT count(*) FROM approvals_decision WHERE review_id = %s", review)
    attack.expect(decided == 0, "a forgery has decided")
    return attack


def _forgeries(secret: str, raw: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bodies that must not pass."""
    key, now = base64.b64decode(secret.removeprefix("whsec_")), int(time.time())

    def signed(at: object = now, key: bytes = key, body: bytes = raw, name: str = "m") -> str:
        mac = hmac.digest(key, f"{name}.{at}.".encode() + body, "sha256")
        return base64.b64encode(mac).decode()

    def headers(signature: str, at: object = now, name: str = "m") -> dict[str, str]:
        return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signature}

    good = signed()
    texts = [
        "",
        "v1,",
        "v1",
        "v0," + good,
        good,
        "v1," + good[:-4],
        "v1," + good.swapcase(),
        "v1,=",
        "v1a," + good,
        "v1," + base64.b64decode(good).hex(),
        "v1," + signed(key=b""),
        "v1," + signed(key=b"x" * 32),
        "v1," + signed(body=b""),
        "v1," + signed(name="other"),
        "v2," + good,
        "v1;" + good,
        " ".join(["v1,AAAA"] * 2_000),
    ]
    bits = bytearray(base64.b64decode(good))
    for place in range(len(bits)):
        bent = bytes(byte ^ (place == at) for at, byte in enumerate(bits))
        texts.append("v1," + base64.b64encode(bent).decode())
    made = [(headers(text), raw) for text in texts]
    times = (now - 400, now + 400, 0, -1, 10**18, "now", "1e9", hex(now), f"{now}.5", "")
    made += [(headers("v1," + signed(at), at), raw) for at in times]
    others = (raw + b" ", raw.replace(b"true", b"false"), b"", b"[" * 100_000)
    made += [(headers("v1," + good), body) for body in others]
    made += [({}, raw), ({"webhook-id": "m"}, raw), (headers("v1," + good, name="m.1"), raw)]
    return made


def break_schemas(service: Service, scale: float, seed: int) -> Attack:
    """Edits that are slow to validate: 4,000 mixed values that have to differ from each other."""
    attack = Attack("schemas", planned=max(3, round(12 * scale)))
    mixed: list[object] = [[n, {"a": n}, str(n), n / 7, [n]][n % 5] for n in range(4_000)]
    values = [mixed, [[m] for m in mixed], [{"a": m, "b": [m]} for m in mixed[:2_500]]]
    calls = []
    for number in range(attack.planned):
        review = _review(service, f"schema {seed} {number}", "schemas")
        body = json.dumps({"outcome": "approved", "edits": {"lines": values[number % 3]}})
        headers = service.headers("oscar", **{"Content-Type": "application/json"})
        path = f"/api/v1/reviews/{review}/decisions/"
        calls.append(partial(ask, service, "POST", path, headers, body))
    attack.happened = judge(attack, together(calls, 2), "decisions", seconds=service.patience)
    return attack


def send_bodies(service: Service, scale: float, seed: int) -> Attack:
    """Every hostile body to the API's addresses, with rights: refused or harmless, never a 5xx."""
    names = list(BODIES)[:: max(1, round(1 / max(scale, 0.02) / 2))]
    attack = Attack("bodies", planned=len(names) * len(POSTS))
    review = _review(service, f"bodies {seed}", "attacked")
    headers = service.headers("oscar", **{"Content-Type": "application/json"})
    calls = [
        partial(ask, service, "POST", f"/api/v1/{path.format(id=review)}", headers, BODIES[name])
        for name in names
        for path in POSTS
    ]
    answers = together(calls, 2)
    attack.happened = judge(attack, answers, "answers", seconds=service.patience)
    problems = [a for a in answers if a.status >= 400 and b'"code"' not in a.body]
    attack.expect(not problems, f"{len(problems)} refusals are no problem documents")
    return attack


FILTERS = ("priority", "amount_from", "amount_to", "q")
NUMBERS = ("1E-1000000", "0E-1000000", "1E-20000", "1E1000000", "0E1000000", "-1E-999999", "sNaN")
LARGEST_LIST = 400_000  # bytes


def bend_cursors(service: Service, scale: float, seed: int) -> Attack:
    """Cursors and parameters that nothing has made, on pages and in the API."""
    paths = (
        "/queues/attacked/",
        "/orders/",
        "/batches/",
        "/",
        "/leads/",
        "/audit/",
        "/api/v1/reviews/",
        "/api/v1/quarantine/",
    )
    queries = [{name: number} for name in FILTERS for number in NUMBERS]
    attack = Attack("cursors", planned=len(paths) * len(CURSORS) + len(queries))
    calls = [
        partial(page, service, "oscar", f"/queues/attacked/?{urlencode(query)}")
        for query in queries
    ]
    for path in paths:
        for value in CURSORS:
            address = f"{path}?{urlencode({'cursor': value, 'after': value, 'page': value, 'ordering': value})}"
            if path.startswith("/api"):
                calls.append(partial(ask, service, "GET", address, service.headers("oscar")))
            else:
                calls.append(partial(page, service, "oscar", address))
    answers = together(calls, 2)
    attack.happened = judge(attack, answers, "answers", seconds=service.patience)
    longest = max(len(answer.body) for answer in answers[: len(queries)])
    attack.expect(longest < LARGEST_LIST, f"a number made a page of {longest} bytes")
    return attack


def bend_heads(service: Service, scale: float, seed: int) -> Attack:
    """Heads that servers and proxies read differently, too many or too long: an answer below 500, or a hang-up."""
    plain = f"GET /healthz/live HTTP/1.1\r\nHost: {HOST}\r\n"
    post = f"POST /api/v1/webhooks/decision/ HTTP/1.1\r\nHost: {HOST}\r\n"
    heads = [
        plain + "X: y\r\n" * 1_000,
        plain + f"X: {'y' * 65_536}\r\n",
        f"GET /{'a' * 70_000} HTTP/1.1\r\nHost: {HOST}\r\n",
        post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        post + "Content-Length: 5\r\nContent-Length: 6\r\n",
        post + "Transfer-Encoding: chunked, identity\r\n",
        post + "Transfer-Encoding: xchunked\r\n",
        post + "Content-Length: -1\r\n",
        post + "Content-Length: 99999999999999999999\r\n",
        plain.replace("GET", "TRACE"),
        plain.replace("GET", "\0GET"),
        plain.replace("GET", "A" * 9_000),
        plain.replace(HOST, "evil.example"),
        plain.replace(f"Host: {HOST}\r\n", ""),
        plain + f"Host: {HOST}\r\n",
        plain + "X-Forwarded-Host: evil.example\r\n",
        plain + "A\x00: b\r\n",
        plain + " folded: x\r\n",
        plain.replace("1.1", "9.9"),
        plain.replace("/healthz/live", "/%2e%2e/%00;x//"),
        plain + "Accept: */admin\r\n",
        "PRI * HTTP/2.0\r\n",
        plain + "Upgrade: h2c\r\n",
        plain + "Expect: 200-ok\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\r\n",
    ]
    attack = Attack("heads", planned=len(heads))
    answers = [_raw(service, f"{head}\r\n".encode("latin-1")) for head in heads]
    attack.happened = len(answers)
    statuses = [
        answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/") else ""
        for answer in answers
    ]
    attack.notes["answers"] = {
        status or "hung up": statuses.count(status) for status in sorted(set(statuses))
    }
    attack.expect(
        not any(status.startswith("5") for status in statuses if status != "505"), "a 5xx"
    )
    probes(attack, service)
    return attack


def _raw(service: Service, sent: bytes) -> bytes:
    """The beginning of what comes back; empty for a hang-up or silence."""
    try:
        with socket.create_connection(("127.0.0.1", service.web.port), timeout=2) as line:
            line.sendall(sent)
            return line.recv(4_096)
    except OSError:
        return b""


def _review(service: Service, name: str, queue: str) -> str:
    """The id of a new review of a forged message."""
    (message,) = service.aws.send(service.urls[queue], [written(name)])
    return taken_in(service, [message], seconds=120)[message][1]
