"""What of a graph is done when: everything that is ready, as much at once as there is room for."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

_LOOKED_AT = (
    32  # pieces that are ready and may not start, before it is left at that: of thousands alike none fits
)


def _anything(running: Sequence[str], key: str) -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Schedule:
    """How pieces of work that need each other are done.

    `at_once`: that many in threads of their own; 1: in the caller's. `rank`: what is ready and ranks lower goes
    first, all else in the order given. `fits` says of what runs and of one that is ready whether there is memory for
    both: one always runs. What is `alone` waits until nothing runs, and nothing starts beside it. `abandon` ends what
    runs, when the caller is stopped (Ctrl-C, a kill).
    """

    at_once: int = 1
    rank: Mapping[str, float] = field(default_factory=dict)
    fits: Callable[[Sequence[str], str], bool] = _anything
    alone: Collection[str] = ()
    abandon: Callable[[], None] = _nothing

    def run(self, needs: Mapping[str, Collection[str]], work: Callable[[str], object]) -> None:
        """Call `work` for every key, each after the keys that it needs.

        An exception of one lets what runs finish, starts nothing more, and is raised; of several the first.
        """
        ready = _Ready(needs, self.rank)
        if self.at_once == 1:
            while (key := ready.take(lambda _: True)) is not None:
                work(key)
                ready.done(key)
            return
        with ThreadPoolExecutor(self.at_once, "node") as threads:
            try:
                self._run(ready, lambda key: threads.submit(work, key))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                self.abandon()
                raise

    def _run(self, ready: _Ready, submit: Callable[[str], Future[object]]) -> None:
        running: dict[Future[object], str] = {}
        failed: BaseException | None = None
        while True:
            while failed is None and len(running) < self.at_once:
                key = ready.take(lambda key: self._may_start(list(running.values()), key))
                if key is None:
                    break
                running[submit(key)] = key
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                failed = failed or future.exception()
                ready.done(key)
        if failed is not None:
            raise failed

    def _may_start(self, running: Sequence[str], key: str) -> bool:
        if not running:
            return True
        if key in self.alone or any(other in self.alone for other in running):
            return False
        return self.fits(running, key)


class _Ready:
    """The keys of a graph that may start now, in the order in which they should."""

    def __init__(self, needs: Mapping[str, Collection[str]], rank: Mapping[str, float]) -> None:
        self._order = {key: (rank.get(key, 0.0), place) for place, key in enumerate(needs)}
        self._sorter = TopologicalSorter(needs)
        self._sorter.prepare()
        self._waiting: list[tuple[tuple[float, int], str]] = []

    def take(self, may_start: Callable[[str], bool]) -> str | None:
        """Return the first key that is ready and may start, once; None where there is none."""
        for key in self._sorter.get_ready():
            heapq.heappush(self._waiting, (self._order[key], key))
        passed: list[tuple[tuple[float, int], str]] = []
        found = None
        while self._waiting and found is None and len(passed) < _LOOKED_AT:
            item = heapq.heappop(self._waiting)
            if may_start(item[1]):
                found = item[1]
            else:
                passed.append(item)
        for item in passed:
            heapq.heappush(self._waiting, item)
        return found

    def done(self, key: str) -> None:
        self._sorter.done(key)


def longest_paths(needs: Mapping[str, Collection[str]], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for every key the seconds of the longest way from its start to the end of all, its own included.

    >>> longest_paths({"base": [], "train": ["base"], "export": ["train"], "other": ["base"]}, {"train": 9, "base": 1})
    {'base': 10, 'train': 9, 'export': 0, 'other': 0}
    """
    after: dict[str, float] = {}
    for key in reversed(list(TopologicalSorter(needs).static_order())):
        after[key] = after.get(key, 0) + seconds.get(key, 0)
        for need in needs.get(key, ()):
            after[need] = max(after.get(need, 0), after[key])
    return {key: after[key] for key in needs}
