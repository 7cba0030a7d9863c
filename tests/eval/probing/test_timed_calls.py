"""Times of calls: what was interrupted for other work does not count, and is not lost either."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from xpareto.eval.probing import timed_calls
from xpareto.eval.probing.timed_calls import Times, time_calls


def test_preempted_calls_move_neither_median_nor_tail() -> None:
    ns = np.full((40, 3), [1e6, 2e6, 4e6])
    preempted = np.zeros(ns.shape, bool)
    preempted[::2] = True  # half of all calls beside other work
    disturbed = Times(np.where(preempted, 6 * ns, ns), preempted)
    calm = Times(ns, np.zeros(ns.shape, bool))
    for percent in (50, 95, 99):
        assert disturbed.percentile_ms(percent) == calm.percentile_ms(percent)
    assert disturbed.round_seconds() == pytest.approx(calm.round_seconds()) == pytest.approx(0.007)
    assert disturbed.percentile_ms(50, [2]) == 4
    assert (calm.told(), disturbed.told()) == ("120 calls", "120 calls without 60 that were preempted")


def test_a_call_that_was_always_preempted_keeps_its_times() -> None:
    times = Times(np.array([[3e6, 1e6], [5e6, 9e6]]), np.array([[True, False], [True, True]]))
    assert times.round_seconds() == pytest.approx(0.005)
    assert times.told() == "4 calls without 1 that were preempted"
    assert times.percentile_ms(50) == 1  # of calls that had a time of their own
    assert Times(times.ns, np.ones((2, 2), bool)).percentile_ms(100) == 9


def test_a_window_goes_on_until_enough_calls_were_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, switches = [0], [0]
    monkeypatch.setattr(timed_calls, "perf_counter_ns", lambda: clock[0])
    monkeypatch.setattr(timed_calls, "thread_time_ns", lambda: clock[0] // share)
    share = 10
    monkeypatch.setattr(timed_calls, "_involuntary_switches", lambda: switches[0])
    cut = itertools.cycle([0, 1])

    def work() -> None:
        clock[0] += 2_000_000
        switches[0] += next(cut)

    times = time_calls([work], 0.04)
    assert times.ns.shape == (40, 1) and times.preempted.sum() == 20
    cut = itertools.repeat(1)
    always = time_calls([work], 0.04)
    assert always.preempted.all() and always.ns.sum() == 10 * 40_000_000
    share = 1  # all of it was work of its own
    assert time_calls([work], 0.04).ns.sum() == 2 * 40_000_000


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity")
def test_a_neighbour_on_the_same_core_does_not_stretch_a_call() -> None:
    """The slower calls take a multiple beside two busy processes; of the calls' own time they do not."""
    cores = os.sched_getaffinity(0)
    core = min(cores)
    busy = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    numbers = np.random.default_rng(0).random((200, 200))

    def work() -> None:
        for _ in range(12):
            numbers @ numbers

    os.sched_setaffinity(0, [core])
    neighbours: list[subprocess.Popen[bytes]] = []
    try:
        calm = time_calls([work], 0.3)
        neighbours = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
        time.sleep(0.5)
        beside = time_calls([work], 0.5)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
        os.sched_setaffinity(0, cores)
    assert np.percentile(beside.ns, 95) / 1e6 > 2.5 * calm.percentile_ms(95)
    assert beside.percentile_ms(95) < 2 * calm.percentile_ms(95)  # caches are cold after others worked
