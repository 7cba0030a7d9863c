"""How sure differences of two systems are, with the noise of training shrunken over all pairs of systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from xpareto.eval.statistics.estimates import Uncertain
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.variance_shrinkage import shrunken_pairs


def spread_over_pairs(scores: Uncertain, base: int, groups: Sequence[object]) -> Spread:
    """Return the spread (n, k) of each system less `base`; see shrunken_pairs for the `groups`.

    With one seed, or where the variances are pooled already, that of `Uncertain.spread`.
    """
    spread = scores.less(base).spread()
    if scores.df is None or scores.pooled:
        return spread
    moderated_by_quantity = [
        shrunken_pairs(repeats, scores.df, groups) for repeats in scores.repeats.swapaxes(0, 1)
    ]
    variances, df = (
        np.stack([of_pairs[base] for of_pairs in by_quantity], axis=1)
        for by_quantity in zip(*moderated_by_quantity, strict=True)
    )
    return Spread(spread.examples, np.sqrt(variances), df)


def pairs_of(scores: Uncertain, groups: Sequence[object]) -> Iterator[tuple[Uncertain, Spread]]:
    """Yield, for each system in turn, what all are less it, and how sure that is; `scores` is (n, 1)."""
    shrink = scores.df is not None and not scores.pooled
    variances = df = np.zeros(0)
    if shrink:
        assert scores.df is not None
        variances, df = shrunken_pairs(scores.repeats[:, 0], scores.df, groups)
    for at in range(len(scores.points)):
        gains = scores.less(at)
        spread = gains.spread()
        if shrink:
            spread = Spread(spread.examples, np.sqrt(variances[at])[:, None], df[at][:, None])
        yield gains, spread
