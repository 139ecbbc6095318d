"""Who has a review open, in one web process and between several."""

from __future__ import annotations

import json

import pytest

from config.viewers import FORGOTTEN, LONGEST_NAME, MOST, REPEATED, Viewer, Viewers

ADA, BOB, EVE = (Viewer("R-1", name.lower(), name) for name in ("Ada", "Bob", "Eve"))


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def others(viewers: Viewers, viewer: Viewer) -> list[str]:
    """The names on a page, and how many more."""
    told = json.loads(viewers.others(viewer))
    return [*told["names"], *([str(told["more"])] if told["more"] else [])]


def exchange(*processes: Viewers) -> int:
    """Let each hear what all announce, until nothing is announced; returns how often something was."""
    count = 0
    while told := [text for each in processes for text in each.announcements()]:
        count += len(told)
        for text in told:
            for each in processes:
                each.hear(text)
    return count


def test_one_sees_the_others_and_not_oneself() -> None:
    here = Viewers()
    here.enter(ADA)
    here.enter(ADA)  # in two tabs
    assert others(here, ADA) == []
    here.enter(BOB)
    assert others(here, ADA) == ["Bob"]
    assert others(here, BOB) == ["Ada"]
    assert others(here, Viewer("R-2", "bob", "Bob")) == []
    here.leave(ADA)
    assert others(here, BOB) == ["Ada"]
    here.leave(ADA)
    assert others(here, BOB) == []


def test_processes_tell_each_other_who_comes_and_who_goes(clock: Clock) -> None:
    first, second = Viewers(clock), Viewers(clock)
    first.enter(ADA)
    exchange(first, second)
    second.enter(BOB)
    exchange(first, second)
    assert others(first, ADA) == ["Bob"]
    assert others(second, BOB) == ["Ada"]
    second.leave(BOB)
    exchange(first, second)
    assert others(first, ADA) == []


def test_a_process_that_was_killed_is_forgotten_and_one_that_lives_is_not(clock: Clock) -> None:
    first, second, third = Viewers(clock), Viewers(clock), Viewers(clock)
    for process, viewer in ((first, ADA), (second, BOB), (third, EVE)):
        process.enter(viewer)
    exchange(first, second, third)
    assert others(first, ADA) == ["Bob", "Eve"]
    for _ in range(4):  # the third was killed
        clock.now += REPEATED
        exchange(first, second)
    assert clock.now - 1_000 > FORGOTTEN
    assert others(first, ADA) == ["Bob"]
    assert others(second, BOB) == ["Ada"]


def test_pages_of_which_each_is_looked_at_by_one_announce_nothing_while_they_stay(
    clock: Clock,
) -> None:
    here, elsewhere = Viewers(clock), Viewers(clock)
    for number in range(300):
        here.enter(Viewer(f"R-{number}", "ada", "Ada"))
    assert exchange(here, elsewhere) == 300
    for _ in range(10):
        clock.now += REPEATED
        assert exchange(here, elsewhere) == 0


def test_a_crowd_is_counted_and_fits_into_a_notice() -> None:
    here = Viewers()
    for number in range(40):
        here.enter(Viewer("R-1", f"01a22792-c5b2-7f06-911a-{number:012}", "\U0001d538" * 500))
    (text,) = here.announcements()
    assert len(text.encode()) < 8_000
    crowd = Viewers()
    for letter in "ABCDEF":
        crowd.enter(Viewer("R-1", letter, letter * 100))
    assert others(crowd, Viewer("R-1", "A", "A")) == [*(x * LONGEST_NAME for x in "BCD"), "2"]
    assert MOST > 6


class Counted(str):
    """A name that counts how often it is read."""

    __slots__ = ()
    reads = 0

    def __getitem__(self, part: object) -> str:
        Counted.reads += 1
        return str(self)[part]  # type: ignore[index]


@pytest.mark.parametrize("people", [1, 400])
def test_viewers_of_many_pages_of_one_review_are_announced_in_linear_time(people: int) -> None:
    here = Viewers()
    pages = [Viewer("R-1", str(n % people), Counted("Ada")) for n in range(400)]
    for page in pages:
        here.enter(page)
    Counted.reads = 0
    for page in pages:
        here.others(page)
    assert Counted.reads <= len(pages) * MOST
    for page in pages:
        here.leave(page)
    assert others(here, ADA) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"review": "R-1"}'),
        '{"from": 1, "review": "R-1", "people": [], "ask": 0}',
        '{"from": "p", "review": ["R-1"], "people": {}, "ask": false}',
        '{"from": {}, "review": "R-1", "people": {"bob": "Bob"}, "ask": true}',
        '{"from": "p", "review": {"R-1": 1}, "people": {}, "ask": false}',
    ],
)  # fmt: skip
def test_what_is_no_announcement_is_passed_over(text: str) -> None:
    here = Viewers()
    here.enter(ADA)
    here.hear(text)
    assert others(here, ADA) == []
