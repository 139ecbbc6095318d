"""Links and names in the text of a comment."""

from __future__ import annotations

import time

import pytest

from approvals.untrusted import comment_text


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        (
            "(http://example.com/x), HTTPS://EXAMPLE.COM!",
            ["http://example.com/x", "HTTPS://EXAMPLE.COM"],
        ),
        ("javascript:alert(1) ftp://x data:text/html,x //x.com", []),
        ("https://paypal.com@evil.example/", []),
        ("https:// https://\u202eevil.example https://[::1", []),
        ('https://a.example/"onmouseover=x', ["https://a.example/"]),
    ],
)
def test_only_plain_http_links_are_links(text: str, links: list[str]) -> None:
    parts = list(comment_text.parts(text))
    assert [link for _, link in parts if link] == links
    assert "".join(shown for shown, _ in parts) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ada, look", ["ada"]),
        ("@Ada.Lovelace. (@bob) @ada@example.com.", ["ada.lovelace", "bob", "ada@example.com"]),
        ("mail ada@example.com, x/@y, @@z, @", []),
        ("@ada @ada", ["ada"]),
    ],
)
def test_names_stand_after_an_at_sign_of_their_own(text: str, names: list[str]) -> None:
    assert comment_text.names(text) == names


def test_links_and_names_are_bounded() -> None:
    many = " ".join(f"https://e.example/{n} @n{n}" for n in range(100))
    found = [link for _, link in comment_text.parts(many) if link]
    assert len(found) == comment_text.MAX_LINKS
    assert len(comment_text.names(many)) == comment_text.MAX_NAMES


@pytest.mark.parametrize("unit", ["@a", "@a.", "https://", "https://a@", "@a@", "http://)"])
def test_a_text_of_twice_the_length_takes_no_more_than_some_twice_the_time(unit: str) -> None:
    def taken(times: int) -> float:
        text = unit * times
        runs = []
        for _ in range(5):
            start = time.process_time()
            list(comment_text.parts(text))
            comment_text.names(text)
            runs.append(time.process_time() - start)
        return min(runs)

    assert taken(40_000) < 8 * taken(10_000) + 0.01
