"""Scores of bitext mining in bootstrap draws, the threshold set anew inside each of them.

A threshold that was chosen on one sample of dev sentences would be another on the next. A draw therefore
resamples the sentences of dev as well as those that are scored, takes the best threshold of the drawn
dev sentences, and applies it to the drawn others. Where dev itself is scored, each drawn half is cut by
the threshold of the other. What the mining put forward stays: no draw mines again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xpareto.eval.kinds import TUNING
from xpareto.eval.metrics.chunk_f1 import f1
from xpareto.eval.statistics.bootstrap import blocks, times_drawn

_SCORE, _CORRECT, _GOLD, _HALF = range(len(TUNING))


def retuned_f1(
    scored_rows: np.ndarray,
    calibration: np.ndarray | None,
    rng: np.random.Generator,
    calibration_rng: np.random.Generator,
    draws: int,
) -> np.ndarray:
    """Return F1 in percent in every draw, shape (models, draws).

    `scored_rows` (models, examples, 4) and `calibration` (models, others, 4) are rows as in eval.kinds.Tuning,
    of the same examples in the same order for every model, which all meet the same draws.
    """
    drawn_f1 = np.empty((scored_rows.shape[0], draws))
    if calibration is None:
        halves = [
            [_Ranked(np.where(rows[:, _HALF, None] == n, rows, 0.0)) for n in (0, 1)] for rows in scored_rows
        ]
        for at, weights in _weights(rng, scored_rows.shape[1], draws):
            for model, (first, second) in enumerate(halves):
                cut = first.counts(weights, second.best(weights)), second.counts(weights, first.best(weights))
                drawn_f1[model, at] = f1(*np.add(*cut))
        return drawn_f1
    ranked, others = [_Ranked(rows) for rows in scored_rows], [_Ranked(rows) for rows in calibration]
    thresholds = np.empty_like(drawn_f1)
    for at, weights in _weights(calibration_rng, calibration.shape[1], draws):
        for model, model_pairs in enumerate(others):
            thresholds[model, at] = model_pairs.best(weights)
    for at, weights in _weights(rng, scored_rows.shape[1], draws):
        for model, model_pairs in enumerate(ranked):
            drawn_f1[model, at] = f1(*model_pairs.counts(weights, thresholds[model, at]))
    return drawn_f1


class _Ranked:
    """One model's pairs, scores falling, and the gold of all its examples."""

    def __init__(self, rows: np.ndarray) -> None:
        put = np.flatnonzero(rows[:, _SCORE] > 0)
        self._rows = put[np.argsort(-rows[put, _SCORE], kind="stable")]
        self._scores = rows[self._rows, _SCORE]
        self._correct = rows[self._rows, _CORRECT]
        self._gold = rows[:, _GOLD]

    def best(self, weights: np.ndarray) -> np.ndarray:
        """Return the threshold (draws,) that eval.metrics.mining.best_threshold gives of each drawn sample.

        `weights` (draws, examples) says how often each example was drawn. An example that was not drawn
        neither counts nor bounds a threshold.
        """
        if not len(self._rows):
            return np.zeros(len(weights))
        drawn = weights[:, self._rows]
        kept, gold = drawn.cumsum(axis=1), weights @ self._gold
        matching = (drawn * self._correct).cumsum(axis=1)
        last = np.append(self._scores[:-1] > self._scores[1:], True)  # of equal scores
        value = np.divide(
            2 * matching, kept + gold[:, None], out=np.zeros_like(kept), where=(kept > 0) & last
        )
        best = value.argmax(axis=1)
        count = np.take_along_axis(kept, best[:, None], axis=1)
        following = np.minimum((kept <= count).sum(axis=1), len(self._scores))
        bounds = np.append(self._scores, np.nan)[following]
        thresholds = np.where(np.isnan(bounds), self._scores[best], (self._scores[best] + bounds) / 2)
        return np.where((matching[:, -1] > 0) & (gold >= 1), thresholds, 0.0)

    def counts(self, weights: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Return (matching, predicted, gold) of the drawn pairs that score the threshold or more, (3, draws)."""
        count = np.searchsorted(-self._scores, -thresholds, side="right")
        most = int(count.max(initial=0))
        drawn = weights[:, self._rows[:most]]
        inside = np.arange(most) < count[:, None]
        kept = np.where(inside, drawn, 0.0)
        return np.stack([kept @ self._correct[:most], kept.sum(axis=1), weights @ self._gold])


def _weights(rng: np.random.Generator, examples: int, draws: int) -> Iterator[tuple[slice, np.ndarray]]:
    for part in blocks(draws, examples):
        yield part, times_drawn(rng, part.stop - part.start, examples)
