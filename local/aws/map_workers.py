"""Runs the children of a Map Run in threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from local.aws import executions
from local.aws.map_runs import MapChild, MapRun

_UNLIMITED = 1_000  # AWS runs 10,000 children at once if a Map sets no MaxConcurrency
_FIRST_THREADS = 8  # children that never wait share one process: more threads would be slower
_CHECK_SECONDS = 0.02


class MapWorkers:
    """The threads that run the children of a Map Run, at most MaxConcurrency at once."""

    def __init__(self, map_run: MapRun) -> None:
        self._map_run = map_run
        self._changed = threading.Condition()
        self._running: list[MapChild] = []
        self._done = 0
        self._failed, self._total = map_run.failed_items(), map_run.total_items()

    def run(self, children: Iterable[MapChild], env: Any) -> None:
        """Run the children; return when all have ended, too many have failed or `env` has ended.

        A child that still runs then is aborted. The number of threads starts small and grows while
        the children wait, for people for instance.
        """
        waiting, threads = deque(children), _FIRST_THREADS
        with self._changed:
            while (waiting or self._running) and env.is_running() and not self.failed:
                limit = self._map_run.max_concurrency or _UNLIMITED
                while waiting and len(self._running) < min(threads, limit):
                    self._begin(waiting.popleft())
                done = self._done
                self._changed.wait(_CHECK_SECONDS if waiting else 5 * _CHECK_SECONDS)
                if done == self._done:
                    threads += _FIRST_THREADS
            left = [child.execution for child in self._running]
        executions.stop_all(left, error=None, cause=None)

    @property
    def failed(self) -> bool:
        """Whether more items failed than the Map tolerates."""
        return self._map_run.tolerance.is_exceeded(self._failed, self._total)

    def _begin(self, child: MapChild) -> None:
        run_to_end = self._map_run.prepare(child)
        self._running.append(child)
        threading.Thread(target=self._work, args=(child, run_to_end), daemon=True).start()

    def _work(self, child: MapChild, run_to_end: Callable[[], None]) -> None:
        try:
            run_to_end()
        finally:
            with self._changed:
                self._running.remove(child)
                self._done += 1
                self._failed += 0 if child.status == "SUCCEEDED" else child.items
                self._changed.notify_all()
