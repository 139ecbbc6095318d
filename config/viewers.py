"""Who has a review open: told to the others who have it open, and stored nowhere.

Each web process knows its own open pages. It announces who looks at a review by NOTIFY when that changes,
and again every now and then while another process has the review open, too. Nothing is announced for a
review that nobody opens or leaves, and nothing is kept of one that no page here shows.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST = 12  # people of a review that a process names: a notice has at most 8,000 bytes
LONGEST_NAME = 60  # characters
REPEATED = 30.0  # seconds after which an announcement is repeated
FORGOTTEN = 75.0  # seconds after which one that was not repeated no longer counts
SHOWN = 3  # names on a page; the others are counted


@dataclass(frozen=True)
class Viewer:
    """A person who has a review open in a page."""

    review: str
    person: str
    name: str


class Viewers:
    """The open reviews of this process, and what other processes have announced about them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._process = uuid.uuid4().hex
        self._here: dict[str, Counter[Viewer]] = {}  # by review; how many pages each has open
        self._elsewhere: dict[str, dict[str, tuple[float, dict[str, str]]]] = {}
        self._to_announce: dict[str, bool] = {}  # reviews; whether the others are asked
        self._announced_at: dict[str, float] = {}

    def enter(self, viewer: Viewer) -> None:
        """Somebody has opened a review."""
        self._here.setdefault(viewer.review, Counter())[viewer] += 1
        self._to_announce[viewer.review] = True

    def leave(self, viewer: Viewer) -> None:
        """Somebody has closed a page of it."""
        left = self._here[viewer.review]
        left[viewer] -= 1
        if not left[viewer]:
            del left[viewer]
        self._to_announce.setdefault(viewer.review, False)
        if not left:
            del self._here[viewer.review]
            self._elsewhere.pop(viewer.review, None)

    def announcements(self) -> Iterator[str]:
        """What the other processes are to be told now."""
        now = self._clock()
        for review in self._elsewhere:
            if self._announced_at.get(review, now) <= now - REPEATED:
                self._to_announce.setdefault(review, False)
        due, self._to_announce = self._to_announce, {}
        for review, ask in due.items():
            people = self._people_here(review)
            if people:
                self._announced_at[review] = now
            else:
                self._announced_at.pop(review, None)
            told = {"from": self._process, "review": review, "people": people, "ask": ask}
            yield json.dumps(told, ensure_ascii=False)

    def hear(self, announcement: str) -> None:
        """Another process has announced who looks at a review there."""
        try:
            told: Any = json.loads(announcement)
            review, process, ask = told["review"], told["from"], told["ask"]
            people = {str(person): str(name) for person, name in told["people"].items()}
            hash((review, process))  # both are keys
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # of another release
        if process == self._process or review not in self._here:
            return
        processes = self._elsewhere.setdefault(review, {})
        processes[process] = self._clock() + FORGOTTEN, people
        if ask:
            self._to_announce.setdefault(review, False)

    def others(self, viewer: Viewer) -> str:
        """Who else has the review open, as the JSON text that the page of this viewer gets."""
        now = self._clock()
        people = self._people_here(viewer.review)
        processes = self._elsewhere.get(viewer.review, {})
        for process, (until, there) in list(processes.items()):
            if until < now or not there:
                del processes[process]
            else:
                people |= there
        if not processes:
            self._elsewhere.pop(viewer.review, None)
        people.pop(viewer.person, None)
        names = sorted(people.values())
        shown = {"names": names[:SHOWN], "more": len(names[SHOWN:])}
        return json.dumps(shown, ensure_ascii=False)

    def _people_here(self, review: str) -> dict[str, str]:
        # No more than are told: each of a thousand pages asks for them whenever one is opened or closed.
        here = islice(self._here.get(review, ()), MOST)
        return {each.person: each.name[:LONGEST_NAME] for each in here}
