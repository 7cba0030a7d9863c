"""What happened from one run to another to the costs of all candidates at once.

A change of the code or of a library mostly moves every candidate. Each alone has few blocks, and Holm's
correction over many of them shows nothing; their mean is far better known. Let d(i, k) be the logarithm of
candidate i's cost in block k of run B over that in block k of run A: every run measures in one order, and its
first block is often the slower one, so equal places are compared. The error of the mean has two parts:

- candidates: the spread of their means, each with its own noise, with n - 1 degrees of freedom; never less than
  what the noise of single blocks within the runs makes of it, so that runs that agree by chance are not certain;
- blocks: the spread of the means of blocks, which is what a block does to all candidates alike, such as
  other work on the machine, with K - 1 degrees of freedom.

Each has its own quantile of t, and their half widths are added in squares (see eval.statistics.intervals). The noise of
one candidate in one block is in both parts, so the interval is rather too wide. What a whole run shares, such as
the machine's day, is in neither: two runs cannot tell it from a change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xpareto.eval.statistics import (
    LEVEL,
    Contrast,
    Spread,
    holm,
    verdict,
)

FAMILY = "all candidates together"


@dataclass(frozen=True)
class Logs:
    """Logarithms of one cost, (candidates, blocks) in run A and in run B; `good` 1 where more is better."""

    a: np.ndarray
    b: np.ndarray
    good: int


@dataclass(frozen=True)
class PooledChange:
    """The mean change of one cost, as a logarithm; `se_examples` is of candidates, `se_seeds` of blocks.

    `beyond` is whether it is shown to be worse, held for all costs (Holm), and came out worse by more than the
    margin. `drift` is by how much the farthest blocks of one run lie apart, as a logarithm.
    """

    contrast: Contrast
    beyond: bool
    candidates: int
    blocks: int
    drift: float


def pooled_change(costs: Mapping[str, Logs], margin: float) -> dict[str, PooledChange]:
    """Return the change of every cost with at least two candidates and two blocks; these are one family.

    One block tells nothing of what blocks do.

    >>> a = np.log([[10.0, 11.0, 10.0], [20.0, 21.0, 20.5], [5.0, 5.2, 5.1]])
    >>> latency = pooled_change({"latency": Logs(a, a + math.log(1.3), -1)}, math.log(1.05))["latency"]
    >>> round(math.exp(latency.contrast.difference), 6), latency.contrast.verdict, latency.beyond
    (1.3, 'worse', True)
    """
    known = {name: logs for name, logs in costs.items() if min(logs.a.shape) > 1}
    means = {name: float((logs.b - logs.a).mean()) for name, logs in known.items()}
    spreads = {name: _spread(logs) for name, logs in known.items()}

    def p_values(distances: Mapping[str, float]) -> tuple[list[float], tuple[float, ...]]:
        unadjusted = [
            float(spreads[name].p_value(np.array([distance]))[0]) for name, distance in distances.items()
        ]
        return unadjusted, holm(unadjusted)

    p, adjusted = p_values({name: abs(mean) for name, mean in means.items()})
    # One-sided against the nearer margin, as in eval.statistics.tests.
    doubled, _ = p_values({name: margin - abs(mean) for name, mean in means.items()})
    p_equal = [0.5 * two_sided if two_sided < 1 else 1.0 for two_sided in doubled]
    equal = holm(p_equal)
    change_by_cost = {}
    for at, (name, logs) in enumerate(known.items()):
        half, mean, spread = float(spreads[name].half_width(LEVEL)[0]), means[name], spreads[name]
        blocks = logs.a.shape[1]
        contrast = Contrast(
            float(logs.a.mean()), float(logs.b.mean()), mean, mean - half, mean + half,
            float(spread.examples[0]), float(spread.seeds[0]), spread.one_df, p[at], adjusted[at],
            p_equal[at], equal[at], margin, verdict(mean, adjusted[at], equal[at], logs.good), FAMILY, len(known),
        )  # fmt: skip
        drift = max(float(np.ptp(run_logs.mean(axis=0))) for run_logs in (logs.a, logs.b))
        change_by_cost[name] = PooledChange(
            contrast, contrast.verdict == "worse" and abs(mean) > margin, len(logs.a), blocks, drift
        )
    return change_by_cost


def _spread(logs: Logs) -> Spread:
    changes = logs.b - logs.a
    candidates, blocks = changes.shape
    within = sum(_noise(run_logs) ** 2 for run_logs in (logs.a, logs.b)) / blocks
    of_candidates = np.sqrt(np.maximum(changes.mean(axis=1).var(ddof=1, keepdims=True), within) / candidates)
    of_blocks = changes.mean(axis=0).std(ddof=1, keepdims=True) / math.sqrt(blocks)
    return Spread(of_candidates, of_blocks, blocks - 1, candidates - 1)


def _noise(logs: np.ndarray) -> float:
    """Return the standard deviation of one candidate in one block, what blocks do to all of them taken out."""
    candidates, blocks = logs.shape
    residual = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
    return math.sqrt(float((residual**2).sum()) / ((candidates - 1) * (blocks - 1)))
