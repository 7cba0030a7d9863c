"""Costs with the noise of their measurement, on the logarithmic scale.

Every measured cost is found in blocks: several repeats, in each of which all candidates were measured in
turn. What a block does to all of them (a warmer machine) is taken out, since it cancels where two of them are
compared; it is kept apart for a cost that stands alone. What is left is the noise of one block. Each
candidate has its own, since runtimes differ, but two or four blocks say little of it: so it is shrunken
towards those of the others (see eval.statistics.variance_shrinkage). Of five candidates or fewer, which tell
little of how noises differ, it is pooled, and one that is noisier than that keeps its own. It is never taken
as less than LEAST_SD: where the blocks of a few candidates happen to agree, a fraction of a percent, which
matters to nobody, would be called a difference (the constant s0 of Tusher, Tibshirani and Chu 2001,
"Significance analysis of microarrays", here fixed beforehand). Two copies of a candidate, measured alike,
differ by less than the floor in 95 of 100 cases, over all candidates: that is the A/A noise, and the epsilon
of epsilon-dominance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xpareto.eval.statistics.estimates import Uncertain
from xpareto.eval.statistics.intervals import t_quantile
from xpareto.eval.statistics.variance_shrinkage import shrunken_variances

Basis = Literal["exact", "blocks", "unknown"]
COST_MARGIN = 0.05  # natural logarithm: 5 % of cost is no difference that counts
_TAIL = 0.025
LEAST_SD = 0.005  # of one block, as a logarithm: half a percent
_POOLED_UP_TO = 5  # candidates
_HALVINGS = 40


@dataclass(frozen=True)
class Noise:
    """How far two equal candidates may lie apart in one cost.

    `floor` is the natural logarithm of their ratio that is exceeded in 5 % of A/A pairs, `sd` that of
    one block, `blocks` the fewest that a candidate has. "unknown": there was one block only, which tells
    nothing of how the next would differ, so that both are None. `shared` is the standard error that what blocks
    do to all candidates leaves of a mean, with `shared_df` degrees of freedom; None where it was not taken out.
    """

    basis: Basis
    floor: float | None
    sd: float | None
    blocks: int
    df: int | None
    shared: float = 0.0
    shared_df: int | None = None


def cost_noise(values: np.ndarray, exact: bool = False) -> tuple[Uncertain, Noise]:
    """Return the logarithms of costs (n, 1) with their noise, from values (n, blocks) above zero.

    Equal columns are the same block; NaN where a candidate lacks one, which takes the block's effect as
    none. `exact`: the values are counts, such as bytes, and have no noise. ValueError where a candidate
    has no value, or one that is not above zero.

    >>> costs, noise = cost_noise(np.array([[8.0], [2.0]]), exact=True)
    >>> np.exp(costs.points[:, 0]).round(6).tolist(), noise.floor
    ([8.0, 2.0], 0.0)
    """
    present = np.isfinite(values)
    if not present.any(axis=1).all() or (values[present] <= 0).any():
        raise ValueError("expected at least one cost above zero of every candidate")
    logs = np.log(np.where(present, values, 1.0))
    counts = present.sum(axis=1)
    means = np.where(present, logs, 0.0).sum(axis=1) / counts
    systems = len(values)
    none = np.zeros((systems, 1, 0), np.float32)
    if exact:
        return Uncertain(means[:, None], none, np.zeros((systems, 1, 0)), None, pooled=True), Noise(
            "exact", 0.0, 0.0, int(counts.min()), None
        )
    residual = np.where(present, logs - means[:, None], 0.0)
    balanced = bool(present.all()) and systems > 1
    if balanced:
        residual -= residual.mean(axis=0)
    df = (systems - 1) * (values.shape[1] - 1) if balanced else int((counts - 1).sum())
    if df <= 0:
        unknown = Noise("unknown", None, None, int(counts.min()), None)
        return Uncertain(means[:, None], none, np.zeros((systems, 1, 0)), None, pooled=True), unknown
    # A row of two-way residuals loses one candidate's share of the block effects.
    share = (systems - 1) / systems if balanced else 1.0
    candidate_variance = (residual**2).sum(axis=1) / np.maximum(counts - 1, 1) / share
    pooled = (residual**2).sum() / df
    if systems > _POOLED_UP_TO:
        variance, degrees = shrunken_variances(candidate_variance, (counts - 1) * share)
        df = max(1, math.floor(degrees.min() + 1e-9))
    else:
        variance = np.maximum(pooled, candidate_variance)
    variance = np.maximum(variance, LEAST_SD**2)
    errors = np.zeros((systems, 1, systems))
    errors[np.arange(systems), 0, np.arange(systems)] = np.sqrt(variance / counts)
    floor = _floor(variance, int(counts.min()), df)
    noise = Noise(
        "blocks",
        floor,
        math.sqrt(float(variance.mean())),
        int(counts.min()),
        df,
        float(logs.mean(axis=0).std(ddof=1)) / math.sqrt(values.shape[1]) if balanced else 0.0,
        values.shape[1] - 1 if balanced else None,
    )
    return Uncertain(means[:, None], none, errors, df, pooled=True), noise


def _floor(variances: np.ndarray, blocks: int, df: int) -> float:
    """Return what the difference of two copies exceeds in 5 % of cases, over candidates of such variances.

    >>> round(_floor(np.array([0.5]), 1, 4), 4) == round(float(t_quantile(0.025, 4)), 4)
    True
    """
    from scipy.special import stdtr

    errors = np.sqrt(2 * variances / blocks)
    largest = float(errors.max())
    if largest == 0:
        return 0.0
    errors = errors[errors > 0]
    low, high = 0.0, float(t_quantile(_TAIL, df)) * largest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = 2 * stdtr(df, -middle / errors).sum() / len(variances)
        low, high = (middle, high) if beyond > 2 * _TAIL else (low, middle)
    return high
