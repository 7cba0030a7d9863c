"""Scores that need the rows of a resample, such as rank correlations, in bootstrap draws of their examples.

In each draw the drawn examples are ranked anew. Where draws may be normal, the score is replaced by its tangent, in
which ranks move with the examples, too: the same Gaussian multiplier bootstrap as of sums (eval.statistics.bootstrap).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xpareto.eval.kinds import Resampled
from xpareto.eval.statistics.bootstrap import blocks, distinct, normal_scores, times_drawn

_ARRAYS = 8  # of the size of the weights, that ranking them needs


def redrawn_scores(
    kind: Resampled,
    metrics: Sequence[str],
    outcomes: np.ndarray,
    rng: np.random.Generator,
    draws: int,
    normal_from: int | None = None,
) -> np.ndarray:
    """Return the mean of some metrics of resampled examples, (models, draws): see bootstrap.draw_scores.

    All models, (models, examples, columns), meet the same draws.
    """
    kept, places = distinct(outcomes)
    examples = outcomes.shape[1]
    if normal_from is not None and examples >= normal_from:
        rows = [outcomes[model] for model in kept]
        influence = np.stack([_mean(kind.influences(row), metrics) for row in rows], axis=1) / examples
        at = np.array([float(_mean(kind.metrics_of(row), metrics)) for row in rows])
        return normal_scores(influence, at, rng, draws)[places]
    drawn_scores = np.zeros((len(kept), draws))
    for part in blocks(draws, _ARRAYS * examples):
        times = times_drawn(rng, part.stop - part.start, examples)
        for at_model, model in enumerate(kept):
            drawn_scores[at_model, part] = _mean(kind.redrawn(outcomes[model], times), metrics)
    return drawn_scores[places]


def _mean(found: Mapping[str, np.ndarray], metrics: Sequence[str]) -> np.ndarray:
    mean: np.ndarray = np.mean([found[name] for name in metrics], axis=0)
    return mean
