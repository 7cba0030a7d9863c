"""Interleaved times are fair to each function, and the interval of a ratio covers as often as it says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.stopwatch import interleaved, speedup


class Machine:
    """A clock that runs calls advance, by their own time times what disturbs the machine at the moment."""

    def __init__(self, disturbed: Any = lambda now: 1.0) -> None:
        self.now, self.disturbed, self.calls = 0.0, disturbed, []

    def run(self, name: str, seconds: float) -> Any:
        def call() -> None:
            self.calls.append(name)
            self.now += seconds * self.disturbed(self.now)

        return call

    def clock(self) -> float:
        return self.now


def test_times_on_a_quiet_machine_are_exact_and_quick_functions_are_repeated() -> None:
    machine = Machine()
    runs = {"slow": machine.run("slow", 0.02), "quick": machine.run("quick", 0.0005)}
    found = interleaved(runs, 4, 0, clock=machine.clock)
    assert found["slow"] == pytest.approx([20.0] * 4)
    assert found["quick"] == pytest.approx([0.5] * 4)
    assert machine.calls.count("slow") == 3 + 4 * (1 + 3)
    assert machine.calls.count("quick") == 3 + 4 * (1 + 3 * 6)


def test_a_machine_that_slows_down_leaves_the_ratio_alone() -> None:
    machine = Machine(lambda now: 1.0 + 0.3 * now)  # by the end it takes several times as long
    runs = {"one": machine.run("one", 0.02), "two": machine.run("two", 0.01)}
    times = interleaved(runs, 31, 0, clock=machine.clock)
    assert times["one"][-1] > 2 * times["one"][0]
    assert speedup(times["one"], times["two"]).median == pytest.approx(2.0, rel=0.05)


def test_a_disturbance_of_some_samples_does_not_count() -> None:
    random = np.random.default_rng(0)
    machine = Machine(lambda _: 5.0 if random.random() < 0.2 else 1.0)
    times = interleaved({"one": machine.run("one", 0.02)}, 41, 0, clock=machine.clock)
    assert np.median(times["one"]) == pytest.approx(20.0)


def test_every_round_has_a_turn_of_each_in_changing_order() -> None:
    machine = Machine()
    names = ["a", "b", "c"]
    interleaved({name: machine.run(name, 0.01) for name in names}, 20, 0, clock=machine.clock)
    turns = machine.calls[9::4]
    rounds = [tuple(turns[at : at + 3]) for at in range(0, len(turns), 3)]
    assert all(sorted(one) == names for one in rounds)
    assert len(set(rounds)) == 6


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40))
def test_the_interval_is_that_of_the_sign_test(ratios: list[float]) -> None:
    found = speedup(ratios, np.ones(len(ratios)))
    ordered, count = sorted(ratios), len(ratios)
    assert found.median == pytest.approx(float(np.median(ratios)))
    outside = 0  # by definition: the most that may lie beyond each end
    while outside < count // 2 and sum(math.comb(count, k) for k in range(outside + 1)) / 2**count <= 0.025:
        outside += 1
    at = max(outside - 1, 0)
    assert (found.low, found.high) == (ordered[at], ordered[count - 1 - at])
    assert found.low <= found.median <= found.high


def test_the_interval_covers_the_median_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        found = speedup(np.exp(random.normal(0.7, 0.3, 21)), np.ones(21))
        hits += found.low <= math.exp(0.7) <= found.high
    assert 0.92 <= hits / 400 <= 0.99
