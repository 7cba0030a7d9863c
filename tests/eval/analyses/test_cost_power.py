"""Intervals of cost ratios hold, and `diff` finds a slowdown, with the blocks that recipes have by default.

Simulated from blocks whose truth is known: see tests/bench/coverage_costs.py, which prints the whole table.
"""

from __future__ import annotations

import math

import pytest

from tests.bench.coverage_costs import MACHINES, ratio_coverage, regressions_found
from xpareto.pipelines.recipe.schema import Measure

BLOCKS = Measure().blocks


def above(promised: float, count: int) -> float:
    """Return the share that `count` simulated cases fall short of in 1 of 1,000 where the promise is kept."""
    return promised - 3.1 * math.sqrt(promised * (1 - promised) / count)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_threefold_time_is_told_and_no_change_is_not(machine: str) -> None:
    found = regressions_found(MACHINES[machine], candidates=8, blocks=BLOCKS, repetitions=10, slower=3.0)
    assert found == 1
    assert regressions_found(MACHINES[machine], candidates=8, blocks=BLOCKS, repetitions=10) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [3, 8])
@pytest.mark.parametrize("machine", MACHINES)
def test_ratios_hold_and_unchanged_runs_show_no_regression(machine: str, candidates: int) -> None:
    count = 600
    held, _ = ratio_coverage(MACHINES[machine], candidates, BLOCKS, count)
    assert held >= above(0.95, count)
    alarms = regressions_found(MACHINES[machine], candidates, BLOCKS, count)
    assert 1 - alarms >= above(0.95, count)


@pytest.mark.slow
@pytest.mark.parametrize("only", [None, [1]], ids=["all", "one"])
@pytest.mark.parametrize("candidates", [3, 8])
def test_a_slowdown_of_a_fifth_is_found_on_an_ordinary_machine(
    candidates: int, only: list[int] | None
) -> None:
    count = 400
    found = regressions_found(MACHINES["ordinary"], candidates, BLOCKS, count, slower=1.2, only=only)
    assert found >= 0.8
