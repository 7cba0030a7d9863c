"""How sure differences of two systems are, with the noise of training shrunken over all pairs of systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xpareto.eval.statistics.estimates import Uncertain
from xpareto.eval.statistics.intervals import Spread
from xpareto.eval.statistics.variance_shrinkage import PairErrors, shrunken_pairs


def spread_over_pairs(scores: Uncertain, base: int, groups: Sequence[object]) -> Spread:
    """Return the spread (n, k) of each system less `base`; see shrunken_pairs for the `groups`.

    With one seed, or where the variances are pooled already, that of `Uncertain.spread`.
    """
    gains = scores.less(base)
    spread = gains.spread()
    if scores.df is None or scores.pooled:
        return spread
    quantities = [
        _known(shrunken_pairs(repeats, scores.df, groups).spread(errors, base), gains.take([at]))
        for at, (repeats, errors) in enumerate(
            zip(scores.repeats.swapaxes(0, 1), spread.examples.T, strict=True)
        )
    ]
    first = quantities[0]
    return replace(
        first,
        examples=spread.examples,
        seeds=np.stack([one.seeds for one in quantities], axis=1),
        df=np.stack([np.asarray(one.df) for one in quantities], axis=1),
        common=None
        if first.common is None
        else np.stack([np.asarray(one.common) for one in quantities], axis=1),
        common_df=min((one.common_df for one in quantities if one.common_df is not None), default=None),
    )


def pairs_of(scores: Uncertain, groups: Sequence[object]) -> Iterator[tuple[Uncertain, Spread]]:
    """Yield, for each system in turn, what all are less it, and how sure that is; `scores` is (n, 1)."""
    shrink = scores.df is not None and not scores.pooled
    errors: PairErrors | None = None
    if shrink:
        assert scores.df is not None
        errors = shrunken_pairs(scores.repeats[:, 0], scores.df, groups)
    for at in range(len(scores.points)):
        gains = scores.less(at)
        spread = gains.spread()
        if errors is not None:
            one = _known(errors.spread(spread.examples[:, 0], at), gains)
            spread = replace(
                one,
                examples=spread.examples,
                seeds=one.seeds[:, None],
                df=np.asarray(one.df)[:, None],
                common=None if one.common is None else one.common[:, None],
            )
        yield gains, spread


def _known(spread: Spread, gains: Uncertain) -> Spread:
    """Return the spread (n,) with no noise of training where two systems are equal in every seed."""
    equal = (gains.points[:, 0] == 0) & ~gains.repeats[:, 0].any(axis=-1)
    seeds = np.where(equal, 0.0, spread.seeds)
    return replace(spread, seeds=seeds, common=None if spread.common is None else spread.common * ~equal)
