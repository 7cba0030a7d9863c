"""Do intervals of cost ratios hold, and does `xpareto diff` find a slowdown? Simulated from blocks of known truth.

    python tests/bench/coverage_costs.py [--repetitions N] [--blocks K ...]

A turn's cost is its candidate's, times what its block does to all, times what that turn alone met. The latter is
heavy-tailed, as measured turns are: most are within a few percent, some were disturbed and take a good deal longer.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from xpareto.eval.analyses.cost_changes import changes_of
from xpareto.eval.analyses.documents.difference import CandidateChanges, CommonChange
from xpareto.eval.analyses.regressions import Changes, regressions
from xpareto.eval.comparison.common_change import Logs, pooled_change
from xpareto.eval.objectives.latency_ms import OBJECTIVE
from xpareto.eval.pareto.uncertainty import Cost
from xpareto.eval.statistics.block_noise import cost_noise
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.tests import contrasts

TOLERANCE = math.log(1.05)  # the default of `xpareto diff --cost-tolerance`


@dataclass(frozen=True)
class Machine:
    """Standard deviations, as logarithms: of a turn alone, of a block, of a whole run; and how turns are disturbed.

    `disturbed` is the share of turns that other work stretched, each by a factor whose logarithm is exponential
    with the mean `stretch`.
    """

    own: float = 0.03
    block: float = 0.05
    run: float = 0.0
    disturbed: float = 0.0
    stretch: float = 0.3

    def logs(self, costs: np.ndarray, blocks: int, rng: np.random.Generator) -> np.ndarray:
        """Return logarithms of measured costs (candidates, blocks) of one run, from true ones (candidates,)."""
        shape = (len(costs), blocks)
        noise = self.own * rng.standard_normal(shape) + self.block * rng.standard_normal(blocks)
        noise += (rng.random(shape) < self.disturbed) * rng.exponential(self.stretch, shape)
        return costs[:, None] + noise + self.run * rng.standard_normal()


MACHINES: Mapping[str, Machine] = {
    "quiet": Machine(own=0.01, block=0.01),
    "ordinary": Machine(),
    "beside other work": Machine(own=0.05, block=0.1, disturbed=0.1),
}


def ratio_coverage(
    machine: Machine, candidates: int, blocks: int, repetitions: int, seed: int = 0
) -> tuple[float, float]:
    """Return in what share of runs the interval of a ratio holds the true one, and its mean half width, percent.

    Disturbed turns move every candidate alike in the long run, so the true ratio is that of the costs.
    """
    rng = np.random.default_rng([seed, candidates, blocks])
    held, widths = 0, 0.0
    costs = np.log(np.linspace(1.0, 4.0, candidates))
    for _ in range(repetitions):
        cost = _cost(machine.logs(costs, blocks, rng))
        for at in range(1, candidates):
            value, half = cost.over(at, 0)
            assert half is not None
            held += abs(value - (costs[at] - costs[0])) <= half
            widths += half
    count = repetitions * (candidates - 1)
    return held / count, 100 * math.expm1(widths / count)


def regressions_found(
    machine: Machine,
    candidates: int,
    blocks: int,
    repetitions: int,
    slower: float = 1.0,
    only: Sequence[int] | None = None,
    seed: int = 0,
) -> float:
    """Return in what share of pairs of runs `xpareto diff` tells of a regression of one cost.

    In the second run the candidates at the places `only`, or all, take `slower` times as long.
    """
    rng = np.random.default_rng([seed, candidates, blocks, round(1000 * slower)])
    costs = np.log(np.linspace(1.0, 4.0, candidates))
    places = list(range(candidates)) if only is None else list(only)
    after = costs.copy()
    after[places] += math.log(slower)
    told = 0
    for _ in range(repetitions):
        one, other = (machine.logs(truth, blocks, rng) for truth in (costs, after))
        told += bool(_regressions(one, other))
    return told / repetitions


def _regressions(one: np.ndarray, other: np.ndarray) -> Sequence[object]:
    own = changes_of(_cost(one), _cost(other), OBJECTIVE, TOLERANCE)
    pooled = pooled_change({OBJECTIVE.name: Logs(one, other, good=-1)}, TOLERANCE)
    together = {
        name: CommonChange(
            **vars(change.contrast),
            ratio=math.exp(change.contrast.difference),
            ratio_low=math.exp(change.contrast.low),
            ratio_high=math.exp(change.contrast.high),
            sense="min",
            beyond=change.beyond,
            candidates=change.candidates,
            blocks=change.blocks,
            noise="blocks",
            drift=math.exp(change.drift),
        )
        for name, change in pooled.items()
    }
    (equal,) = contrasts(np.zeros(1), np.zeros(1), Spread(np.ones(1), np.zeros(1), None), 1.0, "")
    candidates = {
        str(at): CandidateChanges(average=equal, tasks={}, languages={}, costs={OBJECTIVE.name: change})
        for at, change in own.items()
    }
    return regressions(Changes(candidates, together, 1.0, TOLERANCE), {}, {})


def _cost(logs: np.ndarray) -> Cost:
    return Cost(tuple(range(len(logs))), *cost_noise(np.exp(logs)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--blocks", type=int, nargs="+", default=[2, 4, 6])
    arguments = parser.parse_args()
    print(
        "| machine | candidates | blocks | ratio held | half width | false alarms | one 1.2x slower | all 1.2x slower |"
    )
    print("|:--|--:|--:|--:|--:|--:|--:|--:|")
    for name, machine in MACHINES.items():
        for candidates in (3, 8):
            for blocks in arguments.blocks:
                count = arguments.repetitions
                held, width = ratio_coverage(machine, candidates, blocks, count)
                alarms, one, every = (
                    regressions_found(machine, candidates, blocks, count, slower, only)
                    for slower, only in ((1.0, None), (1.2, [1]), (1.2, None))
                )
                print(
                    f"| {name} | {candidates} | {blocks} | {held:.3f} | {width:.1f} % | {alarms:.3f} | {one:.2f} "
                    f"| {every:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
