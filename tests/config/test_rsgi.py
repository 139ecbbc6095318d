"""What Django sees of a request, and which requests it never sees. The whole server: tests/abuse."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config import bodies, live_events, probes, rsgi, web_server_settings


class Headers:
    """The headers of a request, as granian gives them: values outside ASCII only by their names."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = list(pairs)

    def __contains__(self, name: str) -> bool:
        return name in dict(self._pairs)

    def __getitem__(self, name: str) -> str:
        first = next(value for key, value in self._pairs if key == name)
        return first if first.isascii() else ""

    def get(self, name: str) -> str | None:
        return dict(reversed(self.items())).get(name)

    def keys(self) -> list[str]:
        return list(dict(self._pairs))

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self._pairs if value.isascii()]


class Sender:
    """A client that sends chunks, with pauses of so many seconds between them."""

    def __init__(
        self, chunks: Sequence[bytes] = (), *, pause: float = 0, breaks: bool = False
    ) -> None:
        self.chunks, self.pause, self.breaks = chunks, pause, breaks
        self.answers: list[tuple[int, list[tuple[str, str]], bytes]] = []
        self.files: list[str] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(self.pause)
            yield chunk
        if self.breaks:
            raise RuntimeError("the transport is closed")

    async def client_disconnect(self) -> None:
        await asyncio.sleep(60)

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answers.append((status, headers, body))

    def response_file(self, status: int, headers: list[tuple[str, str]], file: str) -> None:
        self.files.append(file)
        self.answers.append((status, headers, b""))


def scope(*headers: tuple[str, str], path: str = "/x%20%C3%A4") -> Any:
    return SimpleNamespace(
        http_version="1.1",
        server="[::1]:8000",
        client="[2001:db8::7]:5000",
        method="POST",
        path=path,
        query_string="a=%20b",
        headers=Headers(*headers),
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that reach Django."""
    found: list[dict[str, Any]] = []

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(environ | {"body": environ["wsgi.input"].read()})
        start_response("201 Created", [("X-Part", "one")])
        return [b"o", b"k"]

    monkeypatch.setattr(rsgi, "django", django)
    return found


def answers(sender: Sender, *headers: tuple[str, str], path: str = "/") -> tuple[int, Any, bytes]:
    asyncio.run(rsgi.Application().__rsgi__(scope(*headers, path=path), sender))
    (answer,) = sender.answers
    return answer


def test_django_gets_the_whole_body_and_its_response_is_sent(seen: list[dict[str, Any]]) -> None:
    answer = answers(Sender([b"ab", b"c"]), ("content-length", "3"))

    assert answer == (201, [("x-part", "one")], b"ok")
    assert (seen[0]["body"], seen[0]["CONTENT_LENGTH"]) == (b"abc", "3")


def test_the_environment_is_that_of_the_wsgi_specification() -> None:
    found = rsgi.environment(scope(("content-type", "a/b"), ("x-y", "1")), b"")

    assert found["PATH_INFO"] == "/x ä".encode().decode("latin-1")
    assert found["QUERY_STRING"] == "a=%20b"
    assert found["REMOTE_ADDR"] == "2001:db8::7"
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("::1", "8000")
    assert (found["CONTENT_TYPE"], found["HTTP_X_Y"]) == ("a/b", "1")
    assert found["CONTENT_LENGTH"] == ""


def test_no_header_takes_the_place_of_another() -> None:
    pairs = [
        *(("x_forwarded_for", "forged"), ("host", "a"), ("host", "b")),
        *(("content-type", "a"), ("content-type", "b"), ("cookie", "c=1"), ("cookie", "d=2")),
    ]
    found = rsgi.environment(scope(*pairs), b"")

    assert "HTTP_X_FORWARDED_FOR" not in found
    assert (found["HTTP_HOST"], found["CONTENT_TYPE"]) == ("a,b", "a,b")
    assert found["HTTP_COOKIE"] == "c=1; d=2"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("transfer-encoding", "chunked"), ("content-length", "1")], 411),
        ([("transfer-encoding", "chunked")], 411),
        ([("transfer-encoding", "identity")], 411),
        ([("content-length", "2")], 400),
        ([("content-length", "+1")], 400),
    ],
)
def test_a_body_of_doubtful_length_is_refused_and_the_connection_ended(
    seen: list[dict[str, Any]], headers: list[tuple[str, str]], status: int
) -> None:
    answer = answers(Sender([b"a"]), *headers)

    assert answer[0] == status
    assert ("connection", "close") in answer[1]
    assert seen == []


def test_a_late_body_is_refused_and_a_broken_one(
    monkeypatch: pytest.MonkeyPatch, seen: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(web_server_settings, "BODY_SECONDS", 0.05)
    length = ("content-length", "9")

    assert answers(Sender([b"a"] * 9, pause=0.02), length)[0] == 408
    assert answers(Sender([b"a"], breaks=True), length)[0] == 400
    assert seen == []


@pytest.mark.parametrize(
    "values", [["caf\xe9"], ["caf\xe9", "b"], ["\xff, 192.0.2.1"]], ids=["one", "first", "list"]
)
@pytest.mark.parametrize("name", ["idempotency-key", "x-forwarded-for", "if-match", "cookie"])
def test_a_header_that_the_server_does_not_show_is_refused_by_name(
    seen: list[dict[str, Any]], name: str, values: list[str]
) -> None:
    status, headers, body = answers(Sender(), *((name, value) for value in values))

    assert status == 400
    assert f"the header {name} has characters outside ASCII".encode() in body
    assert ("content-type", "text/plain; charset=utf-8") in headers
    assert seen == []


def test_a_refused_body_frees_what_was_held(
    monkeypatch: pytest.MonkeyPatch, seen: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_SHORT_BODIES", 3)
    application = rsgi.Application()
    several = [Sender([b"aa", b"a"], pause=0.02) for _ in range(2)]

    async def at_once() -> None:
        given = scope(("content-length", "3"))
        await asyncio.gather(*(application.__rsgi__(given, each) for each in several))

    asyncio.run(at_once())
    assert sorted(each.answers[0][0] for each in several) == [201, 503]
    again = Sender([b"aaa"])
    asyncio.run(application.__rsgi__(scope(("content-length", "3")), again))
    assert again.answers[0][0] == 201  # what was held has been let go


def test_of_a_very_long_body_django_sees_enough_to_refuse_it(
    monkeypatch: pytest.MonkeyPatch, seen: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(bodies, "MOST_OF_A_BODY", 3)

    assert answers(Sender([b"aa"] * 9), ("content-length", "18"))[0] == 201
    assert seen[0]["body"] == b"aaaa"


def test_a_client_that_has_gone_is_no_error(seen: list[dict[str, Any]]) -> None:
    class Gone(Sender):
        def response_bytes(self, *_: Any) -> None:
            raise RuntimeError("RSGI transport is closed")

    asyncio.run(rsgi.Application().__rsgi__(scope(), Gone()))
    assert len(seen) == 1


@pytest.mark.parametrize("size", [rsgi.MOST_OF_A_FILE, rsgi.MOST_OF_A_FILE + 1])
def test_a_long_file_is_not_read_into_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)

    def django(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", str(size))])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    monkeypatch.setattr(rsgi, "django", django)
    sender = Sender()
    _, headers, body = answers(sender)

    assert headers == [("content-length", str(size))]
    is_long = size > rsgi.MOST_OF_A_FILE
    assert (sender.files, len(body)) == (([str(path)], 0) if is_long else ([], size))


def test_one_person_does_not_take_all_streams_of_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_events, "MOST_OF_A_PERSON", 2)
    served: list[str] = []

    async def serve(self: live_events.Streams, exchange: Any, person: str, *_: Any) -> None:
        stream = live_events.Stream(person, frozenset(), None)
        self._open[asyncio.Queue()] = stream
        served.append(person)

    monkeypatch.setattr(live_events.Streams, "serve", serve)

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        person = environ["QUERY_STRING"]
        return [json.dumps({"person": person, "queues": [], "viewer": None}).encode()]

    monkeypatch.setattr(rsgi, "django", django)
    application = rsgi.Application()
    senders = [Sender() for _ in "aaab"]

    async def one_after_the_other() -> None:
        for person, sender in zip("aaab", senders, strict=True):
            asked = scope(path=live_events.PATH)
            asked.query_string = person
            await application.__rsgi__(asked, sender)

    asyncio.run(one_after_the_other())
    assert served == ["a", "a", "b"]
    assert senders[2].answers == [(204, [], b"")]


def test_threads_of_requests_switch_often(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.getswitchinterval()
    monkeypatch.setattr(probes, "serve", lambda _: None)
    monkeypatch.setattr(rsgi, "end_with", lambda _: None)
    loop: Any = SimpleNamespace(call_soon=lambda *_: None, add_signal_handler=lambda *_: None)

    try:
        rsgi.Application().__rsgi_init__(loop)
        assert sys.getswitchinterval() == pytest.approx(0.001)
    finally:
        sys.setswitchinterval(before)
