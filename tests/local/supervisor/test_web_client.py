"""What the supervisor asks the demo's web process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.supervisor import web_client


class Web(ThreadingHTTPServer):
    """A web process that gives one response to every request, and notes the request."""

    daemon_threads = True
    status, body = 200, b"{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WebHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, str | None]] = []


class WebHandler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False), (404, False)])
def test_the_service_is_ready_if_its_health_check_says_so(
    web: Web, status: int, ready: bool
) -> None:
    web.status = status

    assert web_client.is_ready(web.url) is ready
    assert web.asked == [("/healthz/ready", None)]


def test_a_service_that_does_not_answer_is_not_ready() -> None:
    assert not web_client.is_ready("http://127.0.0.1:9")


def test_the_first_review_is_asked_for_with_the_token(web: Web) -> None:
    web.body = b'{"results": [{"id": "review-1"}]}'

    assert web_client.first_review(web.url, "the-token") == "review-1"
    assert web.asked == [("/api/v1/reviews/?queue=manual-review&page_size=1", "Bearer the-token")]


@pytest.mark.parametrize("body", [b'{"results": []}', b"not JSON", b"[]", b'{"results": null}'])
def test_a_response_without_a_review_names_none(web: Web, body: bytes) -> None:
    web.body = body

    assert web_client.first_review(web.url, "the-token") is None
