"""The times of calls, and which of them the kernel interrupted to let somebody else work.

A call that was preempted lasts as long as others were let work, often several times its own length: the median
over a window beside other work then tells of the scheduler. The kernel counts these involuntary context switches
(getrusage(2), ru_nivcsw), so such a call is known, and is not the candidate's own time. What others do to shared
caches and clocks stays in: no counter tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns, thread_time_ns

import numpy as np

try:
    import resource
except ImportError:  # not a Unix: nothing tells
    resource = None  # type: ignore[assignment]

# A window lasts at most so many times what was asked for, to see enough calls to their end: by the clock, and
# by the processor time of this thread, which waiting for others does not spend.
_LONGEST, _MOST_WORK = 10, 2


@dataclass(frozen=True)
class Times:
    """Times in ns and whether the call was preempted, both (rounds, calls)."""

    ns: np.ndarray
    preempted: np.ndarray

    @property
    def own_ns(self) -> np.ndarray:
        """Return the times, NaN where the call was preempted; a call that always was keeps all its times.

        >>> Times(np.array([[1, 2], [9, 9]]), np.array([[False, True], [True, True]])).own_ns.tolist()
        [[1.0, 2.0], [nan, 9.0]]
        """
        hidden = self.preempted & ~self.preempted.all(axis=0)
        return np.where(hidden, np.nan, self.ns)

    def percentile_ms(self, percent: float, calls: Sequence[int] | slice = slice(None)) -> float:
        """Return a percentile of the times that were the calls' own, of all where most calls never had one."""
        ns, preempted = self.ns[:, calls], self.preempted[:, calls]
        own = ns[~preempted] if 2 * (~preempted).any(axis=0).sum() >= ns.shape[1] else ns
        return float(np.percentile(own, percent)) / 1e6

    def round_seconds(self) -> float:
        """Return how long one round takes: the sum over its calls of the median of each."""
        return float(np.nanmedian(self.own_ns, axis=0).sum()) / 1e9

    def told(self, calls: Sequence[int] | slice = slice(None)) -> str:
        """Return how many calls it rests on, in words."""
        every = self.ns[:, calls]
        kept = int(np.isfinite(self.own_ns[:, calls]).sum())
        return f"{every.size} calls" + (
            f" without {every.size - kept} that were preempted" if kept < every.size else ""
        )


def time_calls(calls: Sequence[Callable[[], object]], seconds: float) -> Times:
    """Return the times of whole rounds over the calls, after one to warm up.

    The window lasts until calls that were not preempted took `seconds`; where hardly one is not, until the
    calling thread has worked for twice as long, or ten times that has passed.
    """
    for call in calls:
        call()
    rounds: list[list[int]] = []
    switched: list[list[bool]] = []
    asked = int(seconds * 1e9)
    latest, most_work, own = perf_counter_ns() + _LONGEST * asked, thread_time_ns() + _MOST_WORK * asked, 0
    while not rounds or (own < asked and perf_counter_ns() < latest and thread_time_ns() < most_work):
        times, cut = [], []
        for call in calls:
            before = _involuntary_switches()
            start = perf_counter_ns()
            call()
            times.append(perf_counter_ns() - start)
            cut.append(_involuntary_switches() != before)
        rounds.append(times)
        switched.append(cut)
        own += sum(time for time, hit in zip(times, cut, strict=True) if not hit)
    return Times(np.array(rounds, np.int64), np.array(switched, bool))


def _involuntary_switches() -> int:
    """Return how often a thread of this process had to make way for another one's."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
